/** `npm run rehearse [name...]`: plays the pages of the runbook on local runtimes, and judges what comes of them. */

import { randomUUID } from "node:crypto";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import pc from "picocolors";
import { synthesize } from "../../local/app/synthesize";
import { key } from "./key";
import { openRegion, type Region } from "./region";
import { regionOutage } from "./region-outage";
import { registry } from "./registry";
import type { Rehearsal } from "./rehearsal";
import { statusTable } from "./status-table";

process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = "true";

const ROOT = resolve(__dirname, "../..");

/** The last one ends the region that the others take place in. */
const REHEARSALS = [statusTable, registry, key, regionOutage];

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { assembly: { type: "string" } },
  });
  const chosen = choose(positionals);
  // Below the repository, for the functions' bundles may import its packages.
  await mkdir(join(ROOT, ".local"), { recursive: true });
  const scratch = await mkdtemp(join(ROOT, ".local", "rehearsal-"));
  const regions: Region[] = [];
  try {
    const outputDirectory = join(scratch, "cdk.out");
    const assembly = values.assembly ?? (await synthesize({ directory: ROOT, outputDirectory }));
    const open = async () => {
      const region = await openRegion(assembly);
      regions.push(region);
      return region;
    };
    const home = await open();
    let failures = 0;
    for (const rehearsal of chosen) failures += await play(rehearsal, home, open);
    console.log(failures === 0 ? "\nEverything held." : `\n${failures} did not hold.`);
    if (failures > 0) process.exitCode = 1;
  } finally {
    for (const region of regions) await region.stop();
    await rm(scratch, { recursive: true });
  }
}

/** @returns how many claims did not hold */
async function play(
  { heading, play }: Rehearsal,
  home: Region,
  open: () => Promise<Region>,
): Promise<number> {
  let failures = 0;
  console.log(`\n${pc.bold(heading)}`);
  const organizationId = `rehearsal-${randomUUID()}`;
  await play({
    organizationId,
    home,
    openRegion: open,
    did: (what) => console.log(`  ${what}`),
    judge(claim, holds) {
      if (!holds) failures += 1;
      console.log(`  ${holds ? pc.green("holds") : pc.red("DOES NOT HOLD")}: ${claim}`);
    },
  });
  return failures;
}

/** @throws Error that names the rehearsals there are, if one is asked for that is not among them */
function choose(names: readonly string[]): readonly Rehearsal[] {
  const unknown = names.find((name) => !REHEARSALS.some((each) => each.name === name));
  if (unknown !== undefined) {
    const known = REHEARSALS.map(({ name }) => name).join(", ");
    throw new Error(`expected rehearsals among ${known}, got ${unknown}`);
  }
  return REHEARSALS.filter(({ name }) => names.length === 0 || names.includes(name));
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});

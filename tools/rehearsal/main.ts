/**
 * `npm run rehearse [name...]`: executes runbook procedures on local runtimes and checks their
 * outcome.
 */

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

/** The last rehearsal stops the region that the others use. */
const REHEARSALS = [statusTable, registry, key, regionOutage];

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { assembly: { type: "string" } },
  });
  const chosen = choose(positionals);
  // Inside the repository, so that the bundled functions can import its packages.
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
    for (const rehearsal of chosen) failures += await rehearse(rehearsal, home, open);
    console.log(failures === 0 ? "\nAll checks passed." : `\n${failures} checks failed.`);
    if (failures > 0) process.exitCode = 1;
  } finally {
    for (const region of regions) await region.stop();
    await rm(scratch, { recursive: true });
  }
}

/** @returns the number of failed checks */
async function rehearse(
  { heading, run }: Rehearsal,
  home: Region,
  open: () => Promise<Region>,
): Promise<number> {
  let failures = 0;
  console.log(`\n${pc.bold(heading)}`);
  const organizationId = `rehearsal-${randomUUID()}`;
  await run({
    organizationId,
    home,
    openRegion: open,
    step: (what) => console.log(`  ${what}`),
    expect(claim, holds) {
      if (!holds) failures += 1;
      console.log(`  ${holds ? pc.green("holds") : pc.red("FAILED")}: ${claim}`);
    },
  });
  return failures;
}

/** @throws Error that lists the known rehearsals, if one of the names is unknown */
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

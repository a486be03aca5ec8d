/** `npm run bench:units`: counts what AWS bills for each operation, and writes it beside this file. */

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { startEngine } from "../../test/support/engine";
import { Meter } from "./meter";
import { type Measured, measure, NOW } from "./operations";
import { composeService } from "./service";

const REPORT = join(import.meta.dirname, "report.json");

async function main(): Promise<void> {
  const engine = await startEngine();
  const meter = new Meter();
  const service = composeService(engine, meter, () => NOW + 93_000);
  try {
    const measured = await measure(engine, service, meter);
    print(measured);
    writeFileSync(REPORT, `${JSON.stringify(measured, null, 2)}\n`);
  } finally {
    service.close();
    await engine.stop();
  }
}

function print(measured: Measured[]): void {
  console.table(Object.fromEntries(measured.map(({ operation, units }) => [operation, units])));
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});

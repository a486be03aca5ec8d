import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { Meter } from "../../bench/billing-units/meter";
import { measure, NOW } from "../../bench/billing-units/operations";
import { composeService, type Service } from "../../bench/billing-units/service";
import { type Engine, startEngine } from "../support/engine";

const REPORT = join(__dirname, "../../bench/billing-units/report.json");

describe("the billing units", () => {
  const meter = new Meter();
  let engine: Engine;
  let service: Service;
  beforeAll(async () => {
    engine = await startEngine();
    service = composeService(engine, meter, () => NOW + 93_000);
  });
  afterAll(async () => {
    service.close();
    await engine.stop();
  });

  it("of every operation are those of the report (npm run bench:units)", async () => {
    const report = JSON.parse(readFileSync(REPORT, "utf8"));
    expect(await measure(engine, service, meter)).toEqual(report);
  });
});

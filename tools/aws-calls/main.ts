/**
 * `npm run aws-calls`: records the AWS calls of each function in the end-to-end suite and in a mass expiry. A test checks that
 * the policies of every deployment allow these calls.
 */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { writeOutputs } from "../../local/app/outputs-file";
import { startLocalService } from "../../local/app/service";
import { synthesize } from "../../local/app/synthesize";
import { startDynoxide } from "../../local/aws/engine/dynoxide";
import { TARGET_VARIABLE, targetOf } from "../../testing/e2e/target";
import { onlineRow, putRows } from "../../testing/status-rows";
import { finished } from "../verify/process";
import { startRecorder } from "./record";

const ROOT = join(__dirname, "..", "..");
const FIXTURE = join(ROOT, "test", "lib", "fixtures", "aws-calls.json");

/** Tables by their names in the stack's logical ids. */
const VARIABLES: [RegExp, string][] = [
  [/AgentStatus/, "STATUS_TABLE_NAME"],
  [/AgentRegistry/, "REGISTRY_TABLE_NAME"],
  [/Subscriptions/, "SUBSCRIPTIONS_TABLE_NAME"],
];

/** Enough agents for self-preservation. */
const SILENT_AGENTS = 25;

async function main(): Promise<void> {
  const directory = mkdtempSync(join(ROOT, "node_modules", ".aws-calls-"));
  const engine = await startDynoxide();
  const recorder = await startRecorder(engine.endpoint, (table) => {
    const [, variable] = VARIABLES.find(([pattern]) => pattern.test(table)) ?? [];
    if (variable) return variable;
    throw new Error(`no function knows a table ${table}`);
  });
  try {
    const assemblyDirectory = await synthesize({
      directory: ROOT,
      app: "node --conditions=agent-heartbeat-source --import ./bin/typescript.mjs tools/aws-calls/app.ts",
      outputDirectory: join(directory, "cdk.out"),
    });
    const runtime = await startLocalService({
      assemblyDirectory,
      schedules: false,
      dynamoDbEndpoint: recorder.endpoint,
    });
    const file = join(directory, "outputs.json");
    writeOutputs(file, runtime.outputs);
    const args = ["--selectProjects", "e2e", "--testPathPatterns", "test/e2e/", "--runInBand"];
    const { output } = await finished(join(ROOT, "node_modules", ".bin", "jest"), args, {
      cwd: ROOT,
      env: { ...process.env, [TARGET_VARIABLE]: file, EXHAUSTIVE: "1" },
      onOutput: (text) => process.stderr.write(text),
    });
    if (!/passed/.test(output)) throw new Error("the end-to-end suite did not run");
    await more(runtime);
    await runtime.stop();
    writeFileSync(FIXTURE, `${JSON.stringify(recorder.calls(), undefined, 2)}\n`);
  } finally {
    recorder.stop();
    await engine.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Calls that the end-to-end suite does not cause. */
async function more(runtime: Awaited<ReturnType<typeof startLocalService>>): Promise<void> {
  const target = targetOf(runtime.outputs);
  const detail = { organizationId: "acme", subject: "tasks", data: 1 };
  const event = { source: "test", "detail-type": "Agent Message", detail };
  await runtime.invoke("Deliver", event).catch(() => undefined);
  const began = Date.now() - 3_600_000;
  const silent = Array.from({ length: SILENT_AGENTS }, (_, n) =>
    onlineRow(began, { agentId: `silent-${n}`, connectionId: `S${n}=` }),
  );
  await putRows(target.client, target.statusTableName, silent);
  // First suspected, then ended, because the agents have disconnected.
  await runtime.invoke("PresenceSweep");
  await putRows(
    target.client,
    target.statusTableName,
    silent.map((row) => onlineRow(Date.now(), { agentId: row.agentId, connectionId: "S=" })),
  );
  await runtime.invoke("PresenceSweep");
  const expired = onlineRow(began, { agentId: "expired", connectionId: "X=" });
  await putRows(target.client, target.statusTableName, [expired]);
  await runtime.invoke("PresenceSweep");
  // The stream is read a few times a second.
  await wait(3000);
  target.close();
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});

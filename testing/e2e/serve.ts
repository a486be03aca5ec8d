/** Synthesizes the stacks and runs them locally without schedules, until standard input ends. */

import { join } from "node:path";
import { writeOutputs } from "../../local/app/outputs-file";
import { synthesize } from "../../local/app/synthesize";
import { startLocalRuntime } from "../../local/aws/runtime";

const ROOT = join(__dirname, "../..");

/** File name of the outputs by stack name. */
const OUTPUTS: Readonly<Record<string, string>> = {
  AgentHeartbeat: "outputs.json",
  AgentHeartbeatDirect: "direct-outputs.json",
};

async function serve(directory: string): Promise<void> {
  const assemblyDirectory = await synthesize({
    directory: ROOT,
    app: "node --conditions=agent-heartbeat-source --import tsx testing/e2e/app.ts",
    outputDirectory: join(directory, "cdk.out"),
  });
  const runtimes = await Promise.all(
    Object.entries(OUTPUTS).map(async ([stackName, file]) => {
      const runtime = await startLocalRuntime({
        assemblyDirectory,
        stackName,
        schedules: false,
        onProblem: (problem) => console.error(problem),
      });
      writeOutputs(join(directory, file), runtime.outputs);
      return runtime;
    }),
  );
  console.log("ready");
  process.stdin.resume().on("end", () => {
    for (const runtime of runtimes) void runtime.stop();
  });
}

const [, , directory] = process.argv;
if (!directory) throw new Error("expected the directory for the outputs");
serve(directory).catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});

/** Synthesizes the stack and runs it locally, without the sweep, until its standard input ends. */

import { join } from "node:path";
import { writeOutputs } from "../../local/app/outputs-file";
import { startLocalService } from "../../local/app/service";
import { synthesize } from "../../local/app/synthesize";

const ROOT = join(__dirname, "../..");

async function serve(directory: string): Promise<void> {
  const assemblyDirectory = await synthesize({
    directory: ROOT,
    outputDirectory: join(directory, "cdk.out"),
  });
  const runtime = await startLocalService({
    assemblyDirectory,
    schedules: false,
    onProblem: (problem) => console.error(problem),
  });
  writeOutputs(join(directory, "outputs.json"), runtime.outputs);
  console.log("ready");
  process.stdin.resume().on("end", () => void runtime.stop());
}

const [, , directory] = process.argv;
if (!directory) throw new Error("expected the directory for the outputs");
serve(directory).catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});

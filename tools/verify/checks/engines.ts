/** Runs the stores' tests against independent DynamoDB engines. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { freePort } from "../../../local/aws/engine/free-port";
import { emulatorUrl } from "../../trial-deployment/emulation";
import { startMiniStack } from "../../trial-deployment/ministack";
import { type Check, type CheckContext, failed, type Result, skipped } from "../check";
import { ToolMissing, versionOf } from "../python";
import { jest, resultOf } from "./tests";

/** Tests of table behaviour. */
const STORE_TESTS = ["test/lambda", "test/sdk-aws"];
const JAR_VARIABLE = "DYNAMODB_LOCAL_JAR";
const STARTED_ATTEMPTS = 100;
const PAUSE_MS = 200;

export const engineChecks = (): Check[] => [
  {
    id: "dynamodb-ministack",
    what: "stores on a second DynamoDB engine",
    against: `ministack ${versionOf("ministack")}`,
    slow: true,
    async run(context) {
      try {
        const emulator = await startMiniStack(context.directory, context.signal);
        try {
          return await storesOn(emulatorUrl(emulator), context);
        } finally {
          await emulator.stop();
        }
      } catch (error) {
        if (error instanceof ToolMissing) return skipped(error.message);
        throw error;
      }
    },
  },
  {
    id: "dynamodb-local",
    what: "stores on AWS's DynamoDB Local",
    against: `the jar named by ${JAR_VARIABLE}`,
    slow: true,
    async run(context) {
      const jar = context.env[JAR_VARIABLE];
      if (!jar) return skipped(`no jar given: set ${JAR_VARIABLE} to DynamoDBLocal.jar`);
      if (!existsSync(jar)) return failed(`${JAR_VARIABLE} names ${jar}, which does not exist`);
      const port = await freePort();
      const library = join(dirname(resolve(jar)), "DynamoDBLocal_lib");
      const java = [`-Djava.library.path=${library}`, "-jar", resolve(jar)];
      const engine = spawn("java", [...java, "-inMemory", "-port", String(port)], {
        stdio: "ignore",
      });
      const ended = Promise.race([once(engine, "exit"), once(engine, "error")]).catch(() => []);
      try {
        const endpoint = `http://127.0.0.1:${port}`;
        if (!(await answers(endpoint, ended))) return failed(`java -jar ${jar} does not start`);
        return await storesOn(endpoint, context);
      } finally {
        engine.kill();
        await ended;
      }
    },
  },
];

async function storesOn(endpoint: string, context: CheckContext): Promise<Result> {
  const env = { ...context.env, DYNAMODB_ENDPOINT: endpoint };
  const tests = ["--selectProjects", "unit", "--testPathPatterns", ...STORE_TESTS];
  const { files } = await jest(tests, { ...context, env });
  return resultOf(files);
}

async function answers(endpoint: string, ended: Promise<unknown>): Promise<boolean> {
  let over = false;
  void ended.then(() => {
    over = true;
  });
  for (let attempt = 0; attempt < STARTED_ATTEMPTS && !over; attempt++) {
    const up = await fetch(endpoint).then(
      () => true,
      () => false,
    );
    if (up) return true;
    await wait(PAUSE_MS);
  }
  return false;
}

/**
 * `npm run test:aws` and `npm run test:ministack`: deploys the stack under a unique name, runs the
 * end-to-end suite against it, removes it and reports the cost.
 */

import { randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { parseArgs } from "node:util";
import { dollars, quantity } from "../../cli/src/cost/figures";
import { targetOf } from "../../testing/e2e/target";
import { type Account, accountOf, warningsOf } from "./account";
import { cdk, requiredBootstrapVersion, synthesizeStack } from "./cdk";
import { type Answer, runChecks } from "./checks";
import { type AwsConfig, clientsFor } from "./clients";
import { useCommandLine } from "./command-line";
import { emulatedFunctionUrl, emulatorUrl } from "./emulation";
import { closedGaps, EXCLUDED_PARTS, GAPS } from "./gaps";
import { metricsOf } from "./metrics";
import { EMULATOR_ACCOUNT, type MiniStack, startMiniStack } from "./ministack";
import { reportOf } from "./report";
import { outputsOf, type Removal, type Resource, removeStack, resourcesOf } from "./stack";
import { runSuite, type SuiteResult } from "./suite";
import { runTrial } from "./trial";
import { costOf, measuredOf, memoryIn, settledUsage, usageBetween } from "./usage";

const USAGE = `Deploys the stack to AWS, runs the end-to-end suite against it, removes it, and reports what it cost.

  npm run test:aws                        with your AWS credentials and region
  npm run test:ministack                  against the emulator MiniStack, without an account

  --report <file>                         where the report is written (trial-report.md)
  --keep                                  leaves the stack for you to look at
  --remove <stack>                        removes a stack that was kept
  --all                                   MiniStack: also runs the tests that it is known not to carry
`;

const NODE_OPTIONS = `--require=${join(__dirname, "localhost-names.cjs")}`;

async function main(): Promise<boolean> {
  const { values: options } = parseArgs({
    options: {
      emulator: { type: "boolean", default: false },
      keep: { type: "boolean", default: false },
      report: { type: "string", default: "trial-report.md" },
      all: { type: "boolean", default: false },
      remove: { type: "string" },
      help: { type: "boolean", default: false },
    },
  });
  if (options.help) {
    console.log(USAGE);
    return true;
  }
  const interrupted = interruption();
  const directory = mkdtempSync(join(tmpdir(), "agent-heartbeat-trial-"));
  // The checks connect from this process.
  if (options.emulator) await import("./localhost-names.cjs" as string);
  const emulator = options.emulator ? await startMiniStack(directory, interrupted) : undefined;
  try {
    if (options.remove !== undefined) {
      const { left } = await removeStack(clientsFor(configOf(emulator)), options.remove);
      for (const { type, id } of left) log(`left behind: ${type} ${id}`);
      return left.length === 0;
    }
    const { keep, all, report: reportFile } = options;
    return await trial({ directory, emulator, interrupted, keep, all, reportFile });
  } finally {
    await emulator?.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}

interface Surroundings {
  directory: string;
  emulator: MiniStack | undefined;
  interrupted: AbortSignal;
  keep: boolean;
  all: boolean;
  reportFile: string;
}

async function trial(surroundings: Surroundings): Promise<boolean> {
  const { directory, emulator, interrupted: signal, keep, all, reportFile } = surroundings;
  const config = configOf(emulator);
  const clients = clientsFor(config);
  const env = environmentOf(emulator);
  const assembly = join(directory, "cdk.out");
  const stackName = `AgentHeartbeatTrial-${randomBytes(4).toString("hex")}`;
  const options = { env, signal, assembly };

  // Synthesis comes first: it reports missing credentials before anything else happens.
  if (!emulator) await accountOf(clients, 0);
  const { port, clientPort } = emulator ?? {};
  await synthesizeStack(
    { stackName, ...(emulator && { emulation: JSON.stringify({ port, clientPort }) }) },
    options,
  );
  if (emulator) await cdk(["bootstrap", "--app", assembly], options);
  const account = await accountOf(clients, requiredBootstrapVersion(assembly));
  log(`${stackName} in ${account.region} of ${emulator?.name ?? `account ${account.id}`}`);
  for (const warning of await warningsOf(clients)) log(`warning: ${warning}`);

  const from = Date.now();
  const measured: ReturnType<typeof measuredOf> = [];
  let resources: Resource[] = [];
  let [deployedInMs, usd] = [0, undefined as number | undefined];
  let suite: SuiteResult | undefined;
  let answers: Answer[] = [];
  const well = await runTrial(
    {
      async deploy() {
        await cdk(["deploy", "--app", assembly, "--require-approval", "never"], options);
        deployedInMs = Date.now() - from;
        log(`deployed in ${seconds(from)}`);
        resources = await resourcesOf(clients, stackName);
        measured.push(...measuredOf(resources, memoryIn(assembly, stackName)));
      },
      async use() {
        await useCommandLine({ stackName, keyFile: join(directory, "worker.pem"), env, signal });
        log("used by the command line: register, list, status, disable, remove");
        const target = await writeTarget(await outputsOf(clients, stackName), account);
        const result = await runSuite({
          target,
          gaps: emulator && !all ? GAPS : [],
          resultFile: join(directory, "jest.json"),
          env,
          signal,
          onOutput: (text) => process.stderr.write(text),
        });
        signal.throwIfAborted();
        suite = result;
        for (const { tests } of emulator && all ? closedGaps(result.failed) : []) {
          log(`carried by now: "${tests}" in tools/trial-deployment/gaps.ts`);
        }
        answers = await check(target);
        return report(result);
      },
      async remove() {
        const begin = Date.now();
        log("removing");
        const removal: Removal = await removeStack(clients, stackName);
        log(`deleted in ${seconds(begin)}`);
        return removal;
      },
      async account() {
        if (emulator) return;
        await reportCost(account.region);
      },
      log,
    },
    { keep, stackName },
  );
  if (suite) {
    const { region } = account;
    const on = emulator?.name ?? "AWS";
    const trial = { at: from, region, on, deployedInMs, suite, answers, usd, clean: well || keep };
    writeFileSync(reportFile, reportOf(trial));
    log(`the report is in ${reportFile}: docs/first-deployment.md says where to hand it in`);
  }
  return well;

  /** Runs the checks. An unexpected result does not fail the run; it is in the report. */
  async function check(file: string): Promise<Answer[]> {
    const target = targetOf(JSON.parse(readFileSync(file, "utf8")));
    const metrics = emulator ? undefined : metricsOf(clients.cloudWatch, resources);
    try {
      log("asking what no documentation says");
      const found = await runChecks({ target, organizationId: "trial", metrics });
      for (const { name, outcome, found: what } of found) log(`${outcome}: ${name}: ${what}`);
      return found;
    } finally {
      target.close();
    }
  }

  async function writeTarget(outputs: Map<string, string>, { region }: Account): Promise<string> {
    const file = join(directory, `${stackName}.outputs.json`);
    const output = (name: string) => outputs.get(name) ?? "";
    const target = {
      webSocketUrl: output("WebSocketUrl"),
      httpUrl: emulator ? emulatedFunctionUrl(emulator, output("HttpUrl")) : output("HttpUrl"),
      httpAudience: output("HttpUrl"),
      statusTableName: output("StatusTableName"),
      registryTableName: output("RegistryTableName"),
      region,
      ...(emulator && { dynamoDbEndpoint: emulatorUrl(emulator) }),
    };
    await expectPage(outputs.get("DashboardUrl"));
    writeFileSync(file, JSON.stringify(target));
    return file;
  }

  async function reportCost(region: string): Promise<void> {
    const to = Date.now();
    log("waiting for CloudWatch metrics");
    const look = () => usageBetween(clients.cloudWatch, measured, { from, to });
    const usage = await settledUsage(look, (ms) => wait(ms));
    const bill = costOf(usage, { region, minutes: (to - from) / 60_000 });
    for (const { service, what, quantity: used, usd } of bill.items) {
      log(`  ${service}, ${what}: ${quantity(used)}, ${dollars(usd)}`);
    }
    usd = bill.usd;
    log(`cost ${dollars(bill.usd)} by the prices of ${bill.pricesOf}, without free tiers`);
  }
}

/** @throws Error if the dashboard does not respond with its security headers */
async function expectPage(url: string | undefined): Promise<void> {
  if (url === undefined) return;
  const response = await fetch(url);
  const policy = response.headers.get("content-security-policy");
  if (response.ok && policy?.includes("default-src 'none'")) return log("the dashboard responds");
  throw new Error(
    `${url}: expected the page with its policy, got ${response.status} and ${policy}`,
  );
}

function report({ passed, failed, skipped }: SuiteResult): boolean {
  for (const part of skipped.length > 0 ? EXCLUDED_PARTS : []) log(`not deployed: ${part}`);
  for (const { gap, tests } of skipped) log(`skipped: ${gap.tests}… (${tests}): ${gap.reason}`);
  for (const name of failed) log(`failed: ${name}`);
  const outdated = skipped.filter(({ tests }) => tests === 0);
  for (const { gap } of outdated)
    log(`no such test: "${gap.tests}" in tools/trial-deployment/gaps.ts`);
  const without = skipped.reduce((sum, { tests }) => sum + tests, 0);
  log(`${passed} passed, ${failed.length} failed, ${without} skipped`);
  return failed.length === 0 && outdated.length === 0 && passed > 0;
}

function configOf(emulator: MiniStack | undefined): AwsConfig {
  if (emulator) return { endpoint: emulatorUrl(emulator), ...EMULATOR_ACCOUNT };
  return process.env.AWS_ENDPOINT_URL ? { endpoint: process.env.AWS_ENDPOINT_URL } : {};
}

function environmentOf(emulator: MiniStack | undefined): NodeJS.ProcessEnv {
  const quiet = { ...process.env, AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: "true" };
  if (!emulator) return quiet;
  const { region, credentials } = EMULATOR_ACCOUNT;
  return {
    ...quiet,
    AWS_ENDPOINT_URL: emulatorUrl(emulator),
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    AWS_REGION: region,
    AWS_DEFAULT_REGION: region,
    NODE_OPTIONS,
  };
}

/**
 * Aborted by the first SIGINT or SIGTERM, after which the deployment is removed. A second signal
 * exits at once.
 */
function interruption(): AbortSignal {
  const controller = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"] as const) {
    process.on(name, () => {
      if (controller.signal.aborted) process.exit(130);
      log("interrupted: removing the deployment (interrupt again to keep it)");
      controller.abort(new Error("it was interrupted"));
    });
  }
  return controller.signal;
}

const seconds = (since: number) => `${Math.round((Date.now() - since) / 1000)} s`;

function log(line: string): void {
  console.log(`[${new Date().toISOString().slice(11, 19)}] ${line}`);
}

process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = "true";
main().then(
  (well) => {
    process.exitCode = well ? 0 : 1;
  },
  (error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  },
);

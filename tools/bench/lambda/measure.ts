/**
 * Measures each function against a bare one that makes the same calls: bundle size, cold start and
 * warm CPU time.
 */

import { statSync } from "node:fs";
import { join } from "node:path";
import { readAssembly } from "../../../local/aws/template/assembly";
import { startEngine } from "../../../testing/engine";
import { withAssembly } from "../assembly";
import { type MeasureOptions, type Spread, spreadOf } from "../section";
import { bareEvent, buildBare } from "./bare";
import { Events, FUNCTIONS, type FunctionName } from "./events";
import { type Exchange, Exchanges } from "./exchange";
import { Subject } from "./process";

export interface FunctionFigures {
  name: FunctionName;
  bundleBytes: number;
  bareBundleBytes: number;
  /** AWS calls per event. */
  calls: number;
  /** From process start to the first response, relative to the bare function. */
  cold: Spread;
  /** CPU time of the cold start, likewise relative. */
  coldCpu: Spread;
  /**
   * Duration of an event in a warm process, relative to the bare function. Billed in GB-seconds at
   * equal memory.
   */
  warm: Spread;
  /** CPU time of an event in a warm process, relative to the bare function. */
  warmCpu: Spread;
}

/** Sample sizes. Each ratio compares one batch of either function, run one after the other. */
interface Effort {
  coldRuns: number;
  batches: number;
  events: number;
  /** Batches before the measurement, for JIT warm-up. */
  warmUp: number;
}

const FULL: Effort = { coldRuns: 15, batches: 9, events: 300, warmUp: 3 };
const QUICK: Effort = { coldRuns: 3, batches: 3, events: 50, warmUp: 1 };

export function measureFunctions(options: MeasureOptions): Promise<FunctionFigures[]> {
  return withAssembly(undefined, async (assembly) => {
    const bundles = bundlesOf(assembly);
    const effort = options.quick ? QUICK : FULL;
    const figures: FunctionFigures[] = [];
    for (const name of options.quick ? FUNCTIONS.slice(0, 1) : FUNCTIONS) {
      options.progress(`${name}: bundle, cold start, warm CPU time`);
      const deployed = bundles.get(name);
      if (!deployed) throw new Error(`expected a bundle of ${name}, got none`);
      figures.push(await measureFunction(name, deployed, assembly, effort));
    }
    return figures;
  });
}

/** With separate tables, so that the functions don't affect each other. */
async function measureFunction(
  name: FunctionName,
  { bundle, env }: Deployed,
  directory: string,
  effort: Effort,
): Promise<FunctionFigures> {
  const engine = await startEngine();
  const exchanges = new Exchanges(engine.endpoint);
  try {
    const endpoint = await exchanges.start();
    const events = await new Events(engine, Date.now()).of(name, effort.events);
    const work = { name, bundle, events, exchanges, directory, effort };
    return await measureOne({ ...work, env: { ...env, ...environmentAt(endpoint) } });
  } finally {
    exchanges.stop();
    await engine.stop();
  }
}

interface Work {
  name: FunctionName;
  bundle: string;
  events: unknown[];
  exchanges: Exchanges;
  env: NodeJS.ProcessEnv;
  directory: string;
  effort: Effort;
}

async function measureOne(work: Work): Promise<FunctionFigures> {
  const { name, bundle, events, exchanges, env, directory } = work;
  const recorded = await record(work);
  const calls = recorded.flat().map(({ call }) => call);
  const bare = buildBare(directory, name, calls);
  const bareEvents = recorded.map(bareEvent);
  const replayed = async (subject: Subject, batch: readonly unknown[]) => {
    exchanges.replay(recorded.slice(0, batch.length).flat());
    const measured = await subject.call(batch);
    exchanges.expectSame();
    return measured;
  };

  const cold = async (path: string, event: unknown) => {
    const subject = await Subject.start(path, env);
    const { coldMs = 0, coldCpuUs = 0 } = await replayed(subject, [event]);
    await subject.stop();
    return { coldMs, coldCpuUs };
  };
  const [coldRatios, coldCpuRatios]: [number[], number[]] = [[], []];
  for (let run = 0; run < work.effort.coldRuns; run++) {
    const [real, least] = [await cold(bundle, events[0]), await cold(bare, bareEvents[0])];
    coldRatios.push(real.coldMs / least.coldMs);
    coldCpuRatios.push(real.coldCpuUs / least.coldCpuUs);
  }

  const subjects = [await Subject.start(bundle, env), await Subject.start(bare, env)] as const;
  const [warmRatios, warmCpuRatios]: [number[], number[]] = [[], []];
  for (let run = -work.effort.warmUp; run < work.effort.batches; run++) {
    const real = await replayed(subjects[0], events);
    const least = await replayed(subjects[1], bareEvents);
    if (run < 0) continue;
    warmRatios.push(real.wallMs / least.wallMs);
    warmCpuRatios.push(real.cpuUs / least.cpuUs);
  }
  for (const subject of subjects) await subject.stop();
  return {
    name,
    bundleBytes: statSync(bundle).size,
    bareBundleBytes: statSync(bare).size,
    calls: calls.length / events.length,
    cold: spreadOf(coldRatios),
    coldCpu: spreadOf(coldCpuRatios),
    warm: spreadOf(warmRatios),
    warmCpu: spreadOf(warmCpuRatios),
  };
}

/** Makes the calls of each event once for real. */
async function record({ bundle, events, exchanges, env }: Work): Promise<Exchange[][]> {
  const subject = await Subject.start(bundle, env);
  exchanges.record();
  const recorded: Exchange[][] = [];
  for (const event of events) {
    await subject.call([event]);
    recorded.push(exchanges.take());
  }
  await subject.stop();
  return recorded;
}

interface Deployed {
  bundle: string;
  /** Environment variables whose values are literals in the template. */
  env: Record<string, string>;
}

/** The stack's functions by entry name. */
function bundlesOf(directory: string): Map<string, Deployed> {
  const assembly = readAssembly(directory);
  const bundles = new Map<string, Deployed>();
  for (const { Type, Properties } of Object.values(assembly.template.Resources)) {
    if (Type !== "AWS::Lambda::Function") continue;
    const { Code, Environment } = Properties as {
      Code: { S3Key?: string };
      Environment?: { Variables?: Record<string, unknown> };
    };
    const env = Object.fromEntries(
      Object.entries(Environment?.Variables ?? {}).flatMap(([name, value]) =>
        typeof value === "string" ? [[name, value]] : [],
      ),
    );
    const entry = env.POWERTOOLS_SERVICE_NAME;
    if (entry === undefined || Code.S3Key === undefined) continue;
    bundles.set(entry, { bundle: join(assembly.assetDirectory(Code.S3Key), "index.js"), env });
  }
  return bundles;
}

/** Values that only CloudFormation knows, and one endpoint for all AWS services. */
function environmentAt(endpoint: string): NodeJS.ProcessEnv {
  return {
    PATH: process.env.PATH,
    AWS_REGION: "us-east-1",
    AWS_ACCESS_KEY_ID: "local",
    AWS_SECRET_ACCESS_KEY: "local",
    AWS_ENDPOINT_URL_DYNAMODB: endpoint,
    AWS_ENDPOINT_URL_EVENTBRIDGE: endpoint,
    AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: "true",
    CALLBACK_URL: `${endpoint}/prod`,
    STATUS_TABLE_NAME: "AgentStatus",
    REGISTRY_TABLE_NAME: "AgentRegistry",
    SUBSCRIPTIONS_TABLE_NAME: "Subscriptions",
    EVENT_BUS_NAME: "bus",
    DEPLOYMENT: "AgentHeartbeat",
  };
}

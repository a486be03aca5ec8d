/** Files that say where a deployment is: what a local service writes, and `cdk deploy --outputs-file`. */

import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { CliError, EXIT } from "../failure";
import { parseJson } from "../input/json-text";
import { readTextFile } from "../input/text-file";
import type { Io } from "../io";
import { shown } from "../terminal/printable";

const OUTPUTS_FILE = join(".local", "outputs.json");

const REQUIRED = [
  "webSocketUrl",
  "dynamoDbEndpoint",
  "statusTableName",
  "registryTableName",
  "eventBusName",
  "region",
] as const;

/** What a local service writes. */
export type LocalOutputs = Record<(typeof REQUIRED)[number], string> & {
  httpUrl?: string;
  dashboardUrl?: string;
  eventsEndpoint?: string;
};

/** What the CDK command line writes: each stack's outputs. */
export interface DeployedOutputs {
  stacks: Record<string, Record<string, string>>;
}

const RESTART = "Restart the local service: `agent-heartbeat local`.";

/**
 * The outputs file of this folder or the nearest above it.
 *
 * @throws CliError if there is none
 */
export function findOutputs(cwd: string): string {
  for (let folder = cwd; ; folder = dirname(folder)) {
    const file = join(folder, OUTPUTS_FILE);
    if (existsSync(file)) return file;
    if (folder === dirname(folder)) break;
  }
  throw new CliError(
    `No local service found: expected ${OUTPUTS_FILE} in ${cwd} or a folder above it.`,
    EXIT.target,
    "Start one with `agent-heartbeat local`, name its file with --outputs <file>, or select a deployed one with --stack <name>.",
  );
}

/** @throws CliError saying what the file lacks */
export async function readOutputs(file: string, io: Io): Promise<LocalOutputs | DeployedOutputs> {
  const found = await objectIn(file, io);
  const stacks = Object.values(found);
  if (stacks.length > 0 && stacks.every(isOutputs)) {
    return { stacks: found as DeployedOutputs["stacks"] };
  }
  const missing = REQUIRED.filter((name) => typeof found[name] !== "string");
  if (missing.length > 0) {
    throw new CliError(`${file} lacks ${missing.join(", ")}.`, EXIT.target, RESTART);
  }
  const outputs = found as LocalOutputs;
  for (const name of ["webSocketUrl", "dynamoDbEndpoint"] as const) {
    if (URL.canParse(outputs[name])) continue;
    const sentence = `${file}: ${name}: expected a URL, got ${shown(outputs[name])}.`;
    throw new CliError(sentence, EXIT.target, RESTART);
  }
  return outputs;
}

const isOutputs = (value: unknown) =>
  typeof value === "object" &&
  value !== null &&
  Object.values(value).every((output) => typeof output === "string");

async function objectIn(file: string, io: Io): Promise<Record<string, unknown>> {
  try {
    const value = await parseJson(await readTextFile(file, io));
    if (typeof value === "object" && value !== null) return value as Record<string, unknown>;
    throw new TypeError(`expected an object, got ${shown(value)}`);
  } catch (cause) {
    const { message } = cause as Error;
    const sentence = cause instanceof CliError ? message : `${file} is not JSON: ${message}.`;
    throw new CliError(sentence, EXIT.target, RESTART, { cause });
  }
}

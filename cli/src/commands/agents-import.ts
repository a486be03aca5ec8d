/** `agents import`: registers many agents from a file. */

import { mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { Command } from "commander";
import type { ImportedAgent } from "../agents/import-file";
import {
  type Deployment,
  type DeploymentOptions,
  deploymentCommand,
  withDeployment,
} from "../deployment/deployment";
import { CliError, EXIT, explain } from "../failure";
import type { Io } from "../io";
import type { KeyKind } from "../keys/key-files";
import { keyKindOption, withPublicKey } from "../keys/key-source";
import { printable } from "../terminal/printable";

interface Options extends DeploymentOptions {
  generateKeys?: string;
  algorithm: KeyKind;
}

interface Outcome {
  registered: string[];
  /** Agents whose ids were registered before: they are left as they are. */
  existing: string[];
  /** Agents whose registration was for a time only, which is over. */
  ended: string[];
  failed: { agentId: string; message: string; hint?: string }[];
}

/** Registrations at once. */
const CONCURRENCY = 10;

export function addAgentsImport(agents: Command, io: Io): void {
  deploymentCommand(agents, "import", "register many agents from a file")
    .description(
      "Register many agents from a file: CSV, or JSON. Agents that are registered already are not changed, so you can repeat an import.",
    )
    .argument("<file>", "the file")
    .option("--generate-keys <folder>", "generate a key pair for each agent without a key")
    .addOption(keyKindOption())
    .action(
      withDeployment<Options>(io, async (deployment, options, file = "") => {
        const { printer } = deployment;
        const { readImportFile } = await import("../agents/import-file");
        const agents = await readImportFile(
          file,
          deployment.organizationId,
          options.generateKeys !== undefined,
          io,
        );
        const outcome = await importAll(agents, deployment, options, io);
        const { registered, existing, ended, failed } = outcome;
        const left = agents.length - Object.values(outcome).flat().length;
        if (printer.json) printer.value(outcome);
        else {
          printer.lines(
            `${registered.length} registered, ${existing.length} already registered, ${failed.length} failed.`,
            ...(ended.length > 0
              ? [`Skipped because their registration had expired: ${ended.join(", ")}.`]
              : []),
            ...failed.map(({ agentId, message, hint }) =>
              [`${agentId}:`, printable(message), ...(hint ? [printable(hint)] : [])].join(" "),
            ),
          );
        }
        if (left > 0) throw again(`Interrupted: ${left} of ${agents.length} agents remain.`);
        if (failed.length === 0) return;
        const message = `${failed.length} of ${agents.length} agents failed.`;
        throw again(
          message,
          failed.some(({ hint }) => hint !== undefined),
        );
      }),
    );
}

async function importAll(
  agents: readonly ImportedAgent[],
  deployment: Deployment,
  options: Options,
  io: Io,
): Promise<Outcome> {
  const outcome: Outcome = { registered: [], existing: [], ended: [], failed: [] };
  const { signal } = io;
  if (options.generateKeys !== undefined) {
    await mkdir(resolve(io.cwd, options.generateKeys), { recursive: true });
  }
  const { ProgressBar } = await import("../terminal/progress");
  const { default: pLimit } = await import("p-limit");
  const bar = new ProgressBar(agents.length, io);
  const importOne = async (agent: ImportedAgent) => {
    if (signal.aborted) return;
    const { agentId } = agent;
    try {
      outcome[await register(agent, deployment, options, io)].push(agentId);
    } catch (error) {
      const failure = explain(error);
      // A failure of the target would affect all remaining agents.
      if (failure.code === EXIT.target) throw error;
      outcome.failed.push({
        agentId,
        message: failure.message,
        ...(failure.hint !== undefined && { hint: failure.hint }),
      });
    }
    bar.advance();
  };
  try {
    await pLimit(CONCURRENCY).map(agents, importOne);
  } finally {
    bar.clear();
  }
  return outcome;
}

/** Returns what it found. */
async function register(
  { publicKeys, ...agent }: ImportedAgent,
  { registry, organizationId }: Deployment,
  { generateKeys = "", algorithm }: Options,
  io: Io,
): Promise<"registered" | "existing" | "ended"> {
  const registration = { organizationId, ...agent };
  if (agent.expiresAt !== undefined && agent.expiresAt <= io.now()) return "ended";
  if (await registry.get(registration)) return "existing";
  if (publicKeys.length > 0) {
    await registry.register({ ...registration, publicKey: publicKeys });
    return "registered";
  }
  // An id may have characters that lead to another folder, or that a file system refuses.
  const generateKey = join(generateKeys, `${encodeURIComponent(agent.agentId)}.pem`);
  try {
    await withPublicKey({ generateKey, algorithm }, io, (generated) =>
      registry.register({ ...registration, publicKey: generated }),
    );
  } catch (cause) {
    if (!isExisting(cause)) throw cause;
    throw new CliError(
      (cause as Error).message,
      EXIT.failure,
      `Register that key: \`agents register --agent ${agent.agentId} --public-key ${generateKey}.pub\`; or move the file away.`,
      { cause },
    );
  }
  return "registered";
}

/** Whether a key file is in the way: the same command would find it there again. */
const isExisting = (error: unknown) =>
  error instanceof CliError &&
  (error.cause as NodeJS.ErrnoException | undefined)?.code === "EEXIST";

/** @param first whether the lines above say what to do before */
function again(message: string, first = false): CliError {
  const hint = first
    ? "Fix the problems above, then run the same command again for the rest."
    : "Run the same command again for the rest.";
  return new CliError(message, EXIT.failure, hint);
}

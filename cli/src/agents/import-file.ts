/** Reads and checks a file of agents to register: nothing is registered from a file with a fault. */

import { dirname, resolve } from "node:path";
import {
  ID_FORM,
  ID_PATTERN,
  isReservedAgentId,
  RESERVED_ID_FORM,
  ROLES,
  type Role,
} from "@agent-heartbeat/sdk/protocol";
import type { JobTerms, PublicJwk } from "@agent-heartbeat/sdk/registry";
import { CliError, EXIT, usageError } from "../failure";
import { parseJson } from "../input/json-text";
import { readTextFile } from "../input/text-file";
import type { Io } from "../io";
import { readPublicKeyFile } from "../keys/key-files";
import { publicJwkIn, publicKeyIn } from "../keys/key-text";
import { shown } from "../terminal/printable";
import { isExported, readExported } from "./exported-record";

/** An agent of a file. */
export interface ImportedAgent {
  agentId: string;
  role: Role;
  description?: string;
  enabled?: boolean;
  expiresAt?: number;
  job?: JobTerms;
  /** PEM or JWK; none where a key is to be generated. */
  publicKeys: (string | PublicJwk)[];
}

/** An entry as it stands in the file, and where. */
interface Entry {
  place: string;
  values: Record<string, unknown>;
}

const FIELDS = ["agentId", "role", "description", "publicKey", "publicKeyFile"];
const DESCRIPTION_LENGTH = 256;

/** Faults that are reported at once. */
const SHOWN_FAULTS = 5;

const FILE_FORM =
  "Expected a JSON array of agents, or CSV whose first line names the columns: see docs/cli.md#agents-import.";

/**
 * @param generateKeys whether an agent may come without a key
 * @throws CliError naming every entry with a fault, up to five
 */
export async function readImportFile(
  file: string,
  organizationId: string,
  generateKeys: boolean,
  io: Io,
): Promise<ImportedAgent[]> {
  const entries = await readEntries(file, io);
  const folder = dirname(resolve(io.cwd, file));
  const faults: string[] = [];
  const agents: ImportedAgent[] = [];
  const places = new Map<string, string>();
  for (const { place, values } of entries) {
    try {
      const agent = isExported(values)
        ? await recordOf(values, organizationId, io)
        : await agentOf(values, folder, generateKeys);
      const { agentId } = agent;
      const before = places.get(agentId);
      if (before) throw new TypeError(`agent ${agentId} appears in ${before} already`);
      places.set(agentId, place);
      agents.push(agent);
    } catch (error) {
      faults.push(`${place}: ${(error as Error).message.replace(/\.$/, "")}`);
    }
  }
  if (faults.length === 0) return agents;
  const more = faults.length > SHOWN_FAULTS ? `; and ${faults.length - SHOWN_FAULTS} more` : "";
  throw new CliError(
    `${file} has faults, so nothing was registered: ${faults.slice(0, SHOWN_FAULTS).join("; ")}${more}.`,
    EXIT.usage,
    FILE_FORM,
  );
}

async function readEntries(file: string, io: Io): Promise<Entry[]> {
  const text = await readTextFile(file, io);
  let entries: Entry[];
  try {
    entries = await entriesOf(text);
  } catch (cause) {
    throw usageError(`${file}: ${(cause as Error).message}.`, FILE_FORM, { cause });
  }
  if (entries.length > 0) return entries;
  throw usageError(`${file} holds no agents, so nothing was registered.`, FILE_FORM);
}

async function agentOf(
  values: Record<string, unknown>,
  folder: string,
  generateKeys: boolean,
): Promise<ImportedAgent> {
  const unknown = Object.keys(values).find((name) => !FIELDS.includes(name));
  if (unknown !== undefined) {
    throw new TypeError(`expected ${FIELDS.join(", ")}, got ${shown(unknown)}`);
  }
  const described = descriptionOf(values);
  const publicKey = await keyOf(values, folder);
  if (publicKey === undefined && !generateKeys) {
    throw new TypeError("expected publicKey or publicKeyFile, or --generate-keys <folder>");
  }
  return { ...described, publicKeys: publicKey === undefined ? [] : [publicKey] };
}

async function recordOf(
  values: Record<string, unknown>,
  organizationId: string,
  io: Io,
): Promise<ImportedAgent> {
  const record = readExported(values, organizationId);
  for (const key of record.publicKeys) await publicJwkIn(key);
  const described = descriptionOf(values);
  if (record.job === undefined) return { ...described, ...record };
  const { jobFault } = await import("@agent-heartbeat/sdk/registry");
  const { role } = described;
  const fault = role === "job" ? jobFault(record.job, io.now()) : `role: expected job, got ${role}`;
  if (fault) throw new TypeError(fault);
  return { ...described, ...record };
}

/** What every kind of entry says of its agent. */
function descriptionOf(
  values: Record<string, unknown>,
): Pick<ImportedAgent, "agentId" | "role" | "description"> {
  const agentId = textOf(values, "agentId");
  if (agentId === undefined || !ID_PATTERN.test(agentId)) {
    throw new TypeError(`agentId: expected ${ID_FORM}, got ${shown(agentId)}`);
  }
  if (isReservedAgentId(agentId)) {
    throw new TypeError(`agentId: expected ${RESERVED_ID_FORM}, got ${shown(agentId)}`);
  }
  const role = textOf(values, "role") ?? "agent";
  // Only a record that was exported says when a job is due.
  const isJob = role === "job" && isExported(values) && "job" in values;
  if (!isJob && !isRole(role))
    throw new TypeError(`role: expected ${ROLES.join(", ")}, got ${shown(role)}`);
  const description = textOf(values, "description");
  if (description !== undefined && description.length > DESCRIPTION_LENGTH) {
    throw new TypeError(`description: expected at most ${DESCRIPTION_LENGTH} characters`);
  }
  return { agentId, role: role as Role, ...(description !== undefined && { description }) };
}

async function keyOf(values: Record<string, unknown>, folder: string): Promise<string | undefined> {
  const { publicKey } = values;
  const file = textOf(values, "publicKeyFile");
  if (publicKey !== undefined && file !== undefined) {
    throw new TypeError("publicKey and publicKeyFile exclude each other");
  }
  if (file !== undefined) return readPublicKeyFile(file, { cwd: folder });
  if (publicKey === undefined) return undefined;
  return publicKeyIn(typeof publicKey === "string" ? publicKey : JSON.stringify(publicKey));
}

function textOf(values: Record<string, unknown>, name: string): string | undefined {
  const value = values[name];
  if (value === undefined || typeof value === "string") return value;
  throw new TypeError(`${name}: expected a text, got ${shown(value)}`);
}

function isRole(text: string): boolean {
  return (ROLES as readonly string[]).includes(text);
}

/** JSON where it looks like it, for a file's name may say nothing. */
async function entriesOf(text: string): Promise<Entry[]> {
  if (!/^\s*[[{]/.test(text)) {
    const { parseCsv } = await import("../input/csv");
    return parseCsv(text, FIELDS).map(({ line, values }) => ({ place: `line ${line}`, values }));
  }
  const value = await parseJson(text);
  if (!Array.isArray(value)) throw new TypeError(`expected an array, got ${shown(value)}`);
  return value.map((values: unknown, index) => {
    const place = `entry ${index + 1}`;
    if (typeof values === "object" && values !== null) {
      return { place, values: values as Record<string, unknown> };
    }
    throw new TypeError(`${place}: expected an object, got ${shown(values)}`);
  });
}

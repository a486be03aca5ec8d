/** AWS::Lambda::Function. */

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Assembly } from "../template/assembly";
import { arnOf, nameOf } from "./identity";
import { kind } from "./kind";
import type { PropertyReader } from "./properties";

export interface FunctionDescription {
  logicalId: string;
  name: string;
  arn: string;
  /** The directory of the bundled code. */
  directory: string;
  /** `file.export`, as in the template. */
  handler: string;
  environment: Record<string, string>;
  timeoutMs: number;
  /** Concurrent events reserved for the function, and its limit. Undefined: it shares the account's rest. */
  reservedConcurrency?: number;
  memoryMb: number;
  logFormat: "JSON" | "Text";
  /** Minimum level of the function's own log lines, in JSON format. */
  logLevel: string;
}

export const functionKind = kind((identity) => {
  const ref = nameOf(identity, "FunctionName");
  return { ref, Arn: arnOf(identity, "lambda", `function:${ref}`) };
});

export function describeFunction(
  reader: PropertyReader,
  name: string,
  arn: string,
  assembly: Pick<Assembly, "directory" | "assetDirectory">,
): FunctionDescription {
  const runtime = reader.text("Runtime");
  if (!runtime.startsWith("nodejs")) reader.fail("Runtime", "a Node.js runtime", runtime);
  const logging = reader.object("LoggingConfig");
  const reserved = "ReservedConcurrentExecutions";
  const variables = reader.object("Environment").object("Variables").properties;
  return {
    logicalId: reader.logicalId,
    name,
    arn,
    directory: codeOf(reader, assembly),
    handler: reader.text("Handler"),
    environment: Object.fromEntries(
      Object.entries(variables).map(([key, value]) => [key, String(value)]),
    ),
    timeoutMs: reader.number("Timeout", 3) * 1000,
    ...(reader.properties[reserved] !== undefined && {
      reservedConcurrency: reader.number(reserved, 0),
    }),
    memoryMb: reader.number("MemorySize", 128),
    logFormat: logging.oneOf("LogFormat", ["JSON", "Text"], "Text"),
    logLevel: logging.optionalText("ApplicationLogLevel") ?? "INFO",
  };
}

/** The directory of the code. Code in the template itself is written into the assembly. */
function codeOf(
  reader: PropertyReader,
  { directory, assetDirectory }: Pick<Assembly, "directory" | "assetDirectory">,
): string {
  const code = reader.object("Code");
  const inline = code.optionalText("ZipFile");
  if (inline === undefined) return assetDirectory(code.text("S3Key"));
  const written = join(directory, `inline.${reader.logicalId}`);
  mkdirSync(written, { recursive: true });
  writeFileSync(join(written, "index.js"), inline);
  return written;
}

/** The name in a function's name or ARN. */
export function functionNameOf(nameOrArn: string): string {
  return nameOrArn.slice(nameOrArn.lastIndexOf(":") + 1);
}

/**
 * The ARN of the function that an integration or authorizer invokes.
 *
 * @throws LocalRuntimeError if the URI is not an invocation URI
 */
export function functionArnOf(reader: PropertyReader, property: string): string {
  const uri = reader.text(property);
  const match = /:lambda:path\/2015-03-31\/functions\/(.+)\/invocations$/.exec(uri);
  return match?.[1] ?? reader.fail(property, "the invocation URI of a function", uri);
}

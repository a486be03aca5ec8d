/** Reads the output of `cdk synth`: a stack's template and the directories of its assets. */

import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { LocalRuntimeError } from "../errors";
import type { Template } from "./template";

/** A synthesized stack. */
export interface Assembly {
  /** Where it is. */
  directory: string;
  stackName: string;
  template: Template;
  /**
   * The directory of an asset.
   *
   * @param objectKey the asset's key in the deployment bucket, as in a function's `Code.S3Key`
   * @throws LocalRuntimeError if the assembly has no such asset
   */
  assetDirectory(objectKey: string): string;
}

interface Manifest {
  artifacts?: Record<string, { type: string; properties?: { templateFile?: string } }>;
}

interface AssetManifest {
  files: Record<
    string,
    { source: { path: string }; destinations: Record<string, { objectKey: string }> }
  >;
}

/**
 * The names of the stacks in a cloud assembly, with those of their outputs.
 *
 * @throws LocalRuntimeError if there is no assembly
 */
export function stacksIn(directory: string): Map<string, string[]> {
  const outputs = ([name, { properties }]: StackArtifact) => {
    const { Outputs = {} } = readJson<Template>(join(directory, properties?.templateFile ?? ""));
    return [name, Object.keys(Outputs)] as const;
  };
  return new Map(stackArtifacts(directory).map(outputs));
}

type StackArtifact = [string, NonNullable<Manifest["artifacts"]>[string]];

function stackArtifacts(directory: string): StackArtifact[] {
  const { artifacts = {} } = readJson<Manifest>(join(directory, "manifest.json"));
  return Object.entries(artifacts).filter(([, { type }]) => type === "aws:cloudformation:stack");
}

/**
 * Reads a cloud assembly.
 *
 * @param directory the output directory of `cdk synth`
 * @param stackName required if there are several stacks
 * @throws LocalRuntimeError if there is no assembly, no such stack, or more than one stack without
 * a name given
 */
export function readAssembly(directory: string, stackName?: string): Assembly {
  const stacks = stackArtifacts(directory);
  const names = stacks.map(([name]) => name);
  const found = stackName === undefined ? stacks : stacks.filter(([name]) => name === stackName);
  const [stack] = found;
  if (!stack || found.length > 1) {
    const expected = stackName === undefined ? "one stack" : `a stack "${stackName}"`;
    throw new LocalRuntimeError(
      `The assembly ${directory}: expected ${expected}, got ${names.join(", ") || "none"}`,
    );
  }
  const [name, { properties }] = stack;
  const template = readJson<Template>(join(directory, properties?.templateFile ?? ""));
  if (typeof template.Resources !== "object" || template.Resources === null) {
    throw new LocalRuntimeError(`The template of ${name}: expected Resources, got none`);
  }
  return { directory, stackName: name, template, assetDirectory: assetsOf(directory, name) };
}

function assetsOf(directory: string, stackName: string): Assembly["assetDirectory"] {
  let paths: Map<string, string> | undefined;
  const load = () => {
    const { files } = readJson<AssetManifest>(join(directory, `${stackName}.assets.json`));
    return new Map(
      Object.values(files).flatMap(({ source, destinations }) =>
        Object.values(destinations).map(({ objectKey }) => [objectKey, source.path] as const),
      ),
    );
  };
  return (objectKey) => {
    paths ??= load();
    const path = paths.get(objectKey);
    if (path === undefined) {
      throw new LocalRuntimeError(`The assembly ${directory} has no asset "${objectKey}"`);
    }
    return resolve(directory, path);
  };
}

function readJson<T>(file: string): T {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (cause) {
    throw new LocalRuntimeError(`Cannot read ${file}: is it the output of cdk synth?`, { cause });
  }
  try {
    return JSON.parse(text) as T;
  } catch (cause) {
    throw new LocalRuntimeError(`${file} is not JSON: ${(cause as Error).message}`, { cause });
  }
}

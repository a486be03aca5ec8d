/** Evaluates a template's intrinsic functions like CloudFormation. */

import { LocalRuntimeError } from "../errors";
import type { Template } from "./template";

/** A resource's values for `Ref` and `Fn::GetAtt`. */
export interface ResourceValues {
  ref: string;
  /** Undefined if the resource has no such attribute. */
  attribute(name: string): string | undefined;
}

export interface ResolverOptions {
  template: Template;
  /** Values of pseudo parameters such as `AWS::Region`. */
  pseudo: Record<string, string>;
  /** Undefined if the resource does not exist. */
  resource(logicalId: string): ResourceValues | undefined;
  /** Changes every string after it is resolved. @default - unchanged */
  rewrite?: (text: string) => string;
}

/** Resolves a value of the template. `path` names it in errors. */
export interface Resolver {
  resolve(value: unknown, path: string): unknown;
  /** Whether a named condition holds. */
  holds(condition: string): boolean;
}

const NO_VALUE = Symbol("AWS::NoValue");

/**
 * The resolver throws LocalRuntimeError naming the path, if an intrinsic function is unknown or
 * wrong.
 */
export function createResolver(options: ResolverOptions): Resolver {
  const { template, pseudo, resource, rewrite = (text) => text } = options;

  const fail = (path: string, problem: string): never => {
    throw new LocalRuntimeError(`The template at ${path}: ${problem}`);
  };

  function reference(name: string, path: string): unknown {
    if (name === "AWS::NoValue") return NO_VALUE;
    const value = pseudo[name] ?? resource(name)?.ref ?? template.Parameters?.[name]?.Default;
    return (
      value ?? fail(path, `Ref names "${name}", which is neither a resource nor has a default`)
    );
  }

  function attribute(target: unknown, path: string): string {
    const [logicalId, name] = Array.isArray(target)
      ? (target as string[])
      : splitOnce(String(target), ".");
    const values = resource(logicalId ?? "");
    if (!values) return fail(path, `Fn::GetAtt names "${logicalId}", which is not a resource`);
    return values.attribute(name ?? "") ?? fail(path, `"${logicalId}" has no attribute "${name}"`);
  }

  function substitute(argument: unknown, path: string): string {
    const [text, own] = Array.isArray(argument)
      ? [String(argument[0]), walk(argument[1] ?? {}, path) as Record<string, unknown>]
      : [String(argument), {}];
    return text.replace(/\$\{(!?)([^}]+)\}/g, (_, literal: string, name: string) => {
      if (literal) return `\${${name}}`;
      if (name in own) return String(own[name]);
      return String(name.includes(".") ? attribute(name, path) : reference(name, path));
    });
  }

  function choose(argument: unknown, path: string): unknown {
    const [condition, then, otherwise] = argument as [string, unknown, unknown];
    return walk(holds(condition) ? then : otherwise, path);
  }

  const intrinsics: Record<string, (argument: unknown, path: string) => unknown> = {
    Ref: (name, path) => reference(String(name), path),
    "Fn::GetAtt": attribute,
    "Fn::Sub": substitute,
    "Fn::If": choose,
    "Fn::Join": (argument, path) => {
      const [separator, parts] = list(argument, path);
      return list(parts, path).map(String).join(String(separator));
    },
    "Fn::Select": (argument, path) => {
      const [index, values] = list(argument, path);
      const value = list(values, path)[Number(index)];
      return value ?? fail(path, `Fn::Select has no element ${String(index)}`);
    },
    "Fn::Split": (argument, path) => {
      const [separator, text] = list(argument, path);
      return String(text).split(String(separator));
    },
    "Fn::Equals": (argument, path) => {
      const [left, right] = list(argument, path);
      return left === right;
    },
    "Fn::Not": (argument, path) => !list(argument, path)[0],
    "Fn::And": (argument, path) => list(argument, path).every(Boolean),
    "Fn::Or": (argument, path) => list(argument, path).some(Boolean),
    Condition: (name) => holds(String(name)),
  };

  function list(argument: unknown, path: string): unknown[] {
    const value = walk(argument, path);
    return Array.isArray(value) ? value : fail(path, "expected a list");
  }

  function walk(value: unknown, path: string): unknown {
    if (typeof value === "string") return rewrite(value);
    if (Array.isArray(value)) {
      const items = value.map((item, index) => walk(item, `${path}.${index}`));
      return items.filter((item) => item !== NO_VALUE);
    }
    if (typeof value !== "object" || value === null) return value;
    const entries = Object.entries(value);
    const [first] = entries;
    if (first && entries.length === 1) {
      const [name, argument] = first;
      // Policy statements also have a key `Condition`, next to others.
      const intrinsic = intrinsics[name];
      if (intrinsic && (name !== "Condition" || typeof argument === "string")) {
        const result = intrinsic(argument, path);
        return typeof result === "string" ? rewrite(result) : result;
      }
      if (name.startsWith("Fn::")) return fail(path, `the intrinsic ${name} is not supported`);
    }
    const resolved = entries.map(([key, item]) => [key, walk(item, `${path}.${key}`)] as const);
    return Object.fromEntries(resolved.filter(([, item]) => item !== NO_VALUE));
  }

  function holds(condition: string): boolean {
    const path = `Conditions.${condition}`;
    const expression = template.Conditions?.[condition];
    if (expression === undefined) return fail(path, "the condition does not exist");
    return walk(expression, path) === true;
  }

  return { resolve: walk, holds };
}

function splitOnce(text: string, separator: string): [string, string] {
  const index = text.indexOf(separator);
  return index < 0 ? [text, ""] : [text.slice(0, index), text.slice(index + separator.length)];
}

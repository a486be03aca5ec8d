/** A template with every reference resolved to a name or ARN, as CloudFormation would deploy it. */

import { createResolver, type ResourceValues } from "../local/aws/template/intrinsics";
import type { Template } from "../local/aws/template/template";

export interface Resource {
  id: string;
  type: string;
  properties: Record<string, unknown>;
  dependsOn: string[];
  /** The construct's path. */
  path: string;
}

export interface Place {
  account: string;
  region: string;
  stackName: string;
  /** The unique part of the stack's id. */
  stackId: string;
}

export interface ResolvedTemplate extends Place {
  resources: Resource[];
  /** The dependencies of each resource: references and `DependsOn`. */
  needs: ReadonlyMap<string, ReadonlySet<string>>;
}

type RawResource = {
  Type: string;
  Properties?: Record<string, unknown>;
  DependsOn?: string | string[];
  Metadata?: Record<string, string>;
};

/** The service and the kind in the ARNs of a type's resources. */
const ARNS: Readonly<Record<string, (place: Place, name: string) => string>> = {
  "AWS::DynamoDB::Table": (place, name) => arn(place, "dynamodb", `table/${name}`),
  "AWS::Lambda::Function": (place, name) => arn(place, "lambda", `function:${name}`),
  "AWS::Events::EventBus": (place, name) => arn(place, "events", `event-bus/${name}`),
  "AWS::Events::Rule": (place, name) => arn(place, "events", `rule/${name}`),
  "AWS::SQS::Queue": (place, name) => arn(place, "sqs", name),
  "AWS::SNS::Topic": (place, name) => arn(place, "sns", name),
  "AWS::Logs::LogGroup": (place, name) => `${arn(place, "logs", `log-group:${name}`)}:*`,
  "AWS::S3::Bucket": (_, name) => `arn:aws:s3:::${name}`,
  "AWS::KMS::Key": (place, name) => arn(place, "kms", `key/${name}`),
  "AWS::IAM::Role": ({ account }, name) => `arn:aws:iam::${account}:role/${name}`,
};

const arn = ({ region, account }: Place, service: string, resource: string) =>
  `arn:aws:${service}:${region}:${account}:${resource}`;

/** @throws Error if something in the template can't be resolved */
export function resolveTemplate(json: object, place: Place): ResolvedTemplate {
  const template = withoutMappings(json) as Template & { Resources: Record<string, RawResource> };
  const { account, region, stackName, stackId } = place;
  const valuesOf = (id: string): ResourceValues | undefined => {
    const found = template.Resources[id];
    if (!found) return undefined;
    const { Name, StageName } = (found.Properties ?? {}) as Record<string, string>;
    const named = found.Type === "AWS::Events::EventBus" ? Name : StageName;
    const ref = typeof named === "string" ? named : `${stackName}-${id}`;
    const ownArn = ARNS[found.Type]?.(place, ref) ?? arn(place, "other", ref);
    const attributes: Record<string, string> = {
      Arn: ownArn,
      StreamArn: `${ownArn}/stream/2026-01-01T00:00:00.000`,
      FunctionUrl: `https://${ref.toLowerCase()}.lambda-url.${region}.on.aws/`,
    };
    return { ref, attribute: (name) => attributes[name] ?? `${ref}.${name}` };
  };
  const { resolve } = createResolver({
    template,
    pseudo: {
      "AWS::AccountId": account,
      "AWS::Partition": "aws",
      "AWS::Region": region,
      "AWS::StackId": `arn:aws:cloudformation:${region}:${account}:stack/${stackName}/${stackId}`,
      "AWS::StackName": stackName,
      "AWS::URLSuffix": "amazonaws.com",
      ...Object.fromEntries(
        Object.keys(template.Parameters ?? {}).map((name) => [name, `parameter-${name}`]),
      ),
    },
    resource: valuesOf,
  });
  const entries = Object.entries(template.Resources);
  const resources = entries.map(([id, raw]) => ({
    id,
    type: raw.Type,
    properties: resolve(raw.Properties ?? {}, id) as Record<string, unknown>,
    dependsOn: [raw.DependsOn ?? []].flat(),
    path: raw.Metadata?.["aws:cdk:path"] ?? "",
  }));
  const needs = new Map(
    entries.map(([id, { Properties, DependsOn }]) => {
      const names = [...referencesIn(Properties), ...[DependsOn ?? []].flat()];
      return [id, new Set(names.filter((name) => name in template.Resources))] as const;
    }),
  );
  return { ...place, resources, needs };
}

/** Replaces `Fn::FindInMap`, which CDK uses only for the hosted zones of AWS's services. */
const withoutMappings = (json: object): object =>
  JSON.parse(JSON.stringify(json), (_, value) => (value?.["Fn::FindInMap"] ? "mapped" : value));

/** All direct and indirect dependencies of a resource. */
export function allNeedsOf({ needs }: ResolvedTemplate, id: string): Set<string> {
  const found = new Set<string>();
  const follow = (from: string) => {
    for (const next of needs.get(from) ?? []) {
      if (found.has(next)) continue;
      found.add(next);
      follow(next);
    }
  };
  follow(id);
  return found;
}

/** Resources with circular dependencies. */
export const circleIn = (template: ResolvedTemplate): string[] =>
  [...template.needs.keys()].filter((id) => allNeedsOf(template, id).has(id));

function referencesIn(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(referencesIn);
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => {
    if (key === "Ref") return [String(inner)];
    if (key === "Fn::GetAtt")
      return [String(Array.isArray(inner) ? inner[0] : inner).split(".")[0] ?? ""];
    if (key === "Fn::Sub") {
      const text = String(Array.isArray(inner) ? inner[0] : inner);
      const named = [...text.matchAll(/\$\{(\w+)(?:\.\w+)?\}/g)].map(([, name = ""]) => name);
      return [...named, ...referencesIn(inner)];
    }
    return referencesIn(inner);
  });
}

/** Converts a template into the runtime's model. The only place that knows all resource types. */

import { LocalRuntimeError } from "../errors";
import type { Assembly } from "../template/assembly";
import { createResolver, type ResourceValues } from "../template/intrinsics";
import type { Resource, Template } from "../template/template";
import { eventBusKind } from "./event-bus";
import {
  type AsyncRetries,
  describeAsyncRetries,
  eventInvokeConfigKind,
} from "./event-invoke-config";
import { describeMapping, type MappingDescription, mappingKind } from "./event-source-mapping";
import { describeFunction, type FunctionDescription, functionKind } from "./function";
import {
  describeFunctionUrl,
  type FunctionUrlDescription,
  functionUrlAliases,
  functionUrlKind,
} from "./function-url";
import { type Environment, shortIdOf } from "./identity";
import { ignoredKind, isIgnored } from "./ignored-resources";
import type { Kind } from "./kind";
import { deploymentFunctions, describePage, type PageDescription, pageKind } from "./page";
import { type Properties, PropertyReader } from "./properties";
import { describeRule, type RuleDescription, ruleKind } from "./rule";
import { describeTable, type TableDescription, tableKind } from "./table";
import {
  apiKind,
  authorizerKind,
  describeApi,
  domainKind,
  mappingKind as domainMappingKind,
  integrationKind,
  routeKind,
  routeResponseKind,
  stageKind,
  type WebSocketApiDescription,
} from "./web-socket-api";

const KINDS = {
  "AWS::DynamoDB::Table": tableKind,
  "AWS::Lambda::Function": functionKind,
  "AWS::Lambda::Url": functionUrlKind,
  "AWS::Lambda::EventInvokeConfig": eventInvokeConfigKind,
  "AWS::Lambda::EventSourceMapping": mappingKind,
  "AWS::ApiGatewayV2::Api": apiKind,
  "AWS::ApiGatewayV2::Stage": stageKind,
  "AWS::ApiGatewayV2::Route": routeKind,
  "AWS::ApiGatewayV2::RouteResponse": routeResponseKind,
  "AWS::ApiGatewayV2::Integration": integrationKind,
  "AWS::ApiGatewayV2::Authorizer": authorizerKind,
  "AWS::ApiGatewayV2::DomainName": domainKind,
  "AWS::ApiGatewayV2::ApiMapping": domainMappingKind,
  "AWS::Events::EventBus": eventBusKind,
  "AWS::Events::Rule": ruleKind,
  "AWS::CloudFront::ResponseHeadersPolicy": pageKind,
  "AWS::Lambda::LayerVersion": pageKind,
  "Custom::BucketFiles": pageKind,
} satisfies Record<string, Kind>;

type KnownType = keyof typeof KINDS;

/** The parts of the template that the runtime starts. */
export interface Model {
  tables: TableDescription[];
  functions: FunctionDescription[];
  functionUrls: FunctionUrlDescription[];
  api: WebSocketApiDescription;
  mappings: MappingDescription[];
  /** Retries of asynchronous events, by the name of the function. */
  asyncRetries: ReadonlyMap<string, AsyncRetries>;
  busNames: string[];
  rules: RuleDescription[];
  /** The page that a deployment would upload to a bucket, if any. */
  page: PageDescription | undefined;
  /** The stack's outputs by name. */
  outputs: Record<string, string>;
}

export interface ModelOptions extends Environment {
  /** `host:port` of the local gateway, which replaces the API's host. */
  gatewayHost: string;
  /** `host:port` of each local function URL, by logical id. */
  functionUrlHosts?: ReadonlyMap<string, string>;
  /** The output whose value is the address of the API to run. Required if there are several WebSocket APIs. */
  apiOutput?: string | undefined;
  /** Called for each part that is left out because it is not supported. @default - such a template is refused */
  leaveOut?: ((problem: string) => void) | undefined;
}

/**
 * Reads the template of an assembly.
 *
 * @throws LocalRuntimeError if it has an unsupported resource, property or intrinsic function, unless that can be left out
 */
export function readModel(assembly: Assembly, options: ModelOptions): Model {
  const { template } = assembly;
  const { leaveOut } = options;
  const values = new Map<string, ResourceValues>();
  const pseudo = pseudoParameters(options);
  // Replaces the API's addresses in the template with the local gateway's, and those of function URLs with theirs.
  const urlHosts = new Map(
    [...(options.functionUrlHosts ?? [])].map(([logicalId, host]) => {
      const urlId = shortIdOf({ ...options, logicalId, properties: {} });
      return [`${urlId}.lambda-url.${options.region}.on.aws` as string, host] as const;
    }),
  );
  const aliases = functionUrlAliases(template);
  for (const [name, logicalId] of aliases) {
    const host = options.functionUrlHosts?.get(logicalId);
    if (host !== undefined) urlHosts.set(name, host);
  }
  const named = [...customDomains(template), ...aliases.map(([name]) => name)];
  const hosts = [AWS_HOST, URL_HOST, ...named.map(escaped)].join("|");
  const ownHost = new RegExp(`(https|wss)://(${hosts})(?![a-z0-9.-])`, "g");
  const toLocalHost = (text: string) =>
    text.replace(ownHost, (_, scheme: string, host: string) => {
      const local = urlHosts.get(host) ?? options.gatewayHost;
      return `${scheme === "https" ? "http" : "ws"}://${local}`;
    });
  const deployOnly = deploymentFunctions(template);
  const { resolve, holds } = createResolver({
    template,
    pseudo,
    resource: (logicalId) => values.get(logicalId),
    rewrite: toLocalHost,
  });
  const present = Object.entries(template.Resources).filter(
    ([, { Condition }]) => Condition === undefined || holds(Condition),
  );
  for (const [logicalId, resource] of present) {
    const identity = { ...options, logicalId, properties: resource.Properties ?? {} };
    values.set(logicalId, kindOf(logicalId, resource, leaveOut)(identity));
  }

  const resources = (type: KnownType) =>
    present
      .filter(([, resource]) => resource.Type === type)
      .map(([logicalId, { Properties = {} }]) => {
        const path = `Resources.${logicalId}`;
        const reader = new PropertyReader(logicalId, resolve(Properties, path) as Properties);
        const own = values.get(logicalId) as ResourceValues;
        return { reader, ref: own.ref, arn: own.attribute("Arn") ?? "", own };
      });
  const byId = (type: KnownType) =>
    new Map(resources(type).map(({ ref, reader }) => [ref, reader] as const));

  /** Describes each, without those that can be left out. */
  const supported = <T, R>(all: T[], describe: (one: T) => R): R[] =>
    all.flatMap((one) => {
      if (!leaveOut) return [describe(one)];
      try {
        return [describe(one)];
      } catch (error) {
        if (!(error instanceof LocalRuntimeError)) throw error;
        leaveOut(error.message);
        return [];
      }
    });

  const api = apiOf(resources("AWS::ApiGatewayV2::Api"), assembly, options);
  const functions = supported(
    resources("AWS::Lambda::Function").filter(({ reader }) => !deployOnly.has(reader.logicalId)),
    ({ reader, ref, arn }) => describeFunction(reader, ref, arn, assembly),
  );
  const tables = resources("AWS::DynamoDB::Table").map(({ reader, ref, own }) =>
    describeTable(reader, ref, own.attribute("StreamArn")),
  );
  const runs = (name: string) => functions.some((fn) => fn.arn === name || fn.name === name);
  const expectFunction = (logicalId: string, name: string) => {
    if (!leaveOut || runs(name)) return;
    throw new LocalRuntimeError(`${logicalId}: its function does not run here`);
  };
  return {
    tables,
    functions,
    api: describeApi(api.reader, api.ref, {
      stages: resources("AWS::ApiGatewayV2::Stage").map(({ reader }) => reader),
      routes: byId("AWS::ApiGatewayV2::Route"),
      integrations: byId("AWS::ApiGatewayV2::Integration"),
      authorizers: byId("AWS::ApiGatewayV2::Authorizer"),
      routeResponses: resources("AWS::ApiGatewayV2::RouteResponse").map(({ reader }) => reader),
      mappings: resources("AWS::ApiGatewayV2::ApiMapping").map(({ reader }) => reader),
    }),
    mappings: supported(resources("AWS::Lambda::EventSourceMapping"), ({ reader }) => {
      const mapping = describeMapping(reader);
      expectFunction(mapping.logicalId, mapping.functionName);
      if (leaveOut && !tables.some(({ streamArn }) => streamArn === mapping.streamArn)) {
        reader.fail("EventSourceArn", "the stream of a table", mapping.streamArn);
      }
      return mapping;
    }),
    functionUrls: supported(resources("AWS::Lambda::Url"), ({ reader, ref }) => {
      const url = describeFunctionUrl(reader, ref);
      expectFunction(url.logicalId, url.functionArn);
      return url;
    }),
    asyncRetries: new Map(
      resources("AWS::Lambda::EventInvokeConfig").map(({ reader }) => describeAsyncRetries(reader)),
    ),
    busNames: resources("AWS::Events::EventBus").map(({ ref }) => ref),
    rules: supported(resources("AWS::Events::Rule"), ({ reader, arn }) => {
      const rule = describeRule(reader, arn);
      for (const { functionArn } of rule.targets) expectFunction(rule.logicalId, functionArn);
      return rule;
    }),
    page: describePage(
      {
        files: resources("Custom::BucketFiles").map(({ reader }) => reader),
        layers: byId("AWS::Lambda::LayerVersion"),
        headerPolicies: resources("AWS::CloudFront::ResponseHeadersPolicy").map(
          ({ reader }) => reader,
        ),
      },
      assembly.assetDirectory,
    ),
    outputs: Object.fromEntries(
      Object.entries(template.Outputs ?? {})
        .filter(([, { Condition }]) => Condition === undefined || holds(Condition))
        .map(([name, { Value }]) => [name, String(resolve(Value, `Outputs.${name}`))]),
    ),
  };
}

interface ReadApi {
  reader: PropertyReader;
  ref: string;
}

/** The WebSocket API to run: the only one, or the one that the output refers to. */
function apiOf(
  apis: ReadApi[],
  { template, stackName }: Assembly,
  { apiOutput, leaveOut }: ModelOptions,
): ReadApi {
  const candidates = leaveOut
    ? apis.filter(({ reader }) => reader.properties.ProtocolType === "WEBSOCKET")
    : apis;
  const output = JSON.stringify(template.Outputs?.[apiOutput ?? ""]?.Value ?? "");
  const named = candidates.filter(({ reader }) => output.includes(`{"Ref":"${reader.logicalId}"}`));
  const [api] = named.length === 1 ? named : candidates;
  if (api && (named.length === 1 || candidates.length === 1)) return api;
  throw new LocalRuntimeError(
    `The template of ${stackName}: expected one AWS::ApiGatewayV2::Api, got ${candidates.length}`,
  );
}

/** A pattern of the API's own name. */
const AWS_HOST = "[a-z0-9]{10}\\.execute-api\\.[a-z0-9-]+\\.amazonaws\\.com";

/** A pattern of the names of function URLs. */
const URL_HOST = "[a-z0-9]+\\.lambda-url\\.[a-z0-9-]+\\.on\\.aws";

const escaped = (host: string) => host.replaceAll(".", "\\.");

/** The API's custom domain names. */
const customDomains = ({ Resources }: Template): string[] =>
  Object.values(Resources)
    .filter(({ Type }) => Type === "AWS::ApiGatewayV2::DomainName")
    .map(({ Properties }) => String(Properties?.DomainName));

function kindOf(logicalId: string, { Type }: Resource, leaveOut: ModelOptions["leaveOut"]): Kind {
  const known: Kind | undefined = KINDS[Type as KnownType];
  if (known) return known;
  if (isIgnored(Type)) return ignoredKind;
  if (leaveOut) {
    leaveOut(`${logicalId}: ${Type} does not run here`);
    return ignoredKind;
  }
  throw new LocalRuntimeError(
    `${logicalId}: the local runtime does not support the resource type ${Type}. ` +
      `Supported types: ${Object.keys(KINDS).join(", ")}`,
  );
}

function pseudoParameters({ accountId, region, stackName }: Environment): Record<string, string> {
  return {
    "AWS::AccountId": accountId,
    "AWS::Partition": "aws",
    "AWS::Region": region,
    "AWS::StackId": `arn:aws:cloudformation:${region}:${accountId}:stack/${stackName}/local`,
    "AWS::StackName": stackName,
    "AWS::URLSuffix": "amazonaws.com",
  };
}

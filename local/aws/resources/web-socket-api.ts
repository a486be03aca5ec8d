/** AWS::ApiGatewayV2: an API with its stage, routes, integrations and authorizer. */

import { functionArnOf } from "./function";
import { shortIdOf } from "./identity";
import { kind } from "./kind";
import type { PropertyReader } from "./properties";

/** The function that answers for a route. */
export interface IntegrationDescription {
  functionArn: string;
  /** Timeout of the integration. */
  timeoutMs: number;
}

export interface AuthorizerDescription {
  functionArn: string;
  /** For example `route.request.header.Authorization`. A request without one of them is not authorized. */
  identitySources: string[];
}

export interface RouteDescription {
  key: string;
  /** `$connect` and `$disconnect` may have none. */
  integration?: IntegrationDescription;
  authorizer?: AuthorizerDescription;
  /** Whether the integration's result is sent to the client. */
  returnsResponse: boolean;
}

/** Refill rate and size of a token bucket. */
export interface ThrottlingLimits {
  perSecond: number;
  burst: number;
}

export interface ThrottlingDescription {
  /** Limits of routes without their own. Undefined: unlimited. */
  whole?: ThrottlingLimits;
  /** By route key. */
  routes: ReadonlyMap<string, ThrottlingLimits>;
}

export interface WebSocketApiDescription {
  apiId: string;
  stage: string;
  /** The paths that clients connect to: the stage's, and those of custom domains. */
  paths: ReadonlySet<string>;
  routeSelectionExpression: string;
  routes: Map<string, RouteDescription>;
  throttling: ThrottlingDescription;
}

export const apiKind = kind((identity) => {
  const ref = shortIdOf(identity);
  return {
    ref,
    ApiId: ref,
    ApiEndpoint: `wss://${ref}.execute-api.${identity.region}.amazonaws.com`,
  };
});
export const stageKind = kind(({ properties }) => ({ ref: String(properties.StageName) }));
export const routeKind = idKind("RouteId");
export const integrationKind = idKind("IntegrationId");
export const authorizerKind = idKind("AuthorizerId");
export const routeResponseKind = idKind("RouteResponseId");

/** A resource with a short id, which an attribute returns too. */
function idKind(attribute: string) {
  return kind((identity) => ({ ref: shortIdOf(identity), [attribute]: shortIdOf(identity) }));
}

/** `Ref` returns the domain's name. The alias target does not exist locally. */
export const domainKind = kind(({ properties, region }) => {
  const ref = String(properties.DomainName);
  return {
    ref,
    RegionalDomainName: `${ref}.execute-api.${region}.local`,
    RegionalHostedZoneId: "ZLOCAL",
  };
});
export const mappingKind = kind((identity) => ({ ref: shortIdOf(identity) }));

/** Resources by the id that other resources refer to. */
export type ById = Map<string, PropertyReader>;

export interface ApiParts {
  stages: PropertyReader[];
  routes: ById;
  integrations: ById;
  authorizers: ById;
  routeResponses: PropertyReader[];
  /** Mappings of custom domains to stages. */
  mappings: PropertyReader[];
}

/**
 * @throws LocalRuntimeError if the API is not a WebSocket API or does not have exactly one stage
 */
export function describeApi(
  reader: PropertyReader,
  apiId: string,
  parts: ApiParts,
): WebSocketApiDescription {
  reader.oneOf("ProtocolType", ["WEBSOCKET"]);
  const mine = (part: PropertyReader) => part.properties.ApiId === apiId;
  const stages = parts.stages.filter(mine);
  const [stage] = stages;
  if (!stage || stages.length > 1) {
    return reader.fail("stages", "one stage", stages.length);
  }
  const answered = new Set(parts.routeResponses.map((part) => part.text("RouteId")));
  const routes = new Map<string, RouteDescription>();
  for (const [routeId, route] of parts.routes) {
    if (!mine(route)) continue;
    const description = describeRoute(route, parts, answered.has(routeId));
    routes.set(description.key, description);
  }
  return {
    apiId,
    stage: stage.text("StageName"),
    paths: new Set([
      `/${stage.text("StageName")}`,
      ...parts.mappings
        .filter(mine)
        .map((mapping) => `/${mapping.optionalText("ApiMappingKey") ?? ""}`),
    ]),
    routeSelectionExpression: reader.text("RouteSelectionExpression"),
    routes,
    throttling: describeThrottling(stage),
  };
}

function describeThrottling(stage: PropertyReader): ThrottlingDescription {
  const ownOf = stage.object("RouteSettings");
  const whole = limitsOf(stage.object("DefaultRouteSettings"));
  return {
    ...(whole && { whole }),
    routes: new Map(
      Object.keys(ownOf.properties).flatMap((key) => {
        const limits = limitsOf(ownOf.object(key));
        return limits ? [[key, limits] as const] : [];
      }),
    ),
  };
}

/** Undefined if neither limit is set. */
function limitsOf(settings: PropertyReader): ThrottlingLimits | undefined {
  const perSecond = settings.number("ThrottlingRateLimit", Number.MAX_VALUE);
  const burst = settings.number("ThrottlingBurstLimit", Number.MAX_VALUE);
  if (perSecond === Number.MAX_VALUE && burst === Number.MAX_VALUE) return undefined;
  return { perSecond, burst };
}

function describeRoute(
  route: PropertyReader,
  { integrations, authorizers }: ApiParts,
  answered: boolean,
): RouteDescription {
  const key = route.text("RouteKey");
  const target = route.optionalText("Target");
  const integrationId = target?.replace(/^integrations\//, "") ?? "";
  const integration = integrations.get(integrationId);
  if (target && !integration) route.fail("Target", "an integration of this template", target);
  const type = route.oneOf("AuthorizationType", ["NONE", "CUSTOM"], "NONE");
  return {
    key,
    ...(integration && { integration: describeIntegration(integration) }),
    ...(type === "CUSTOM" && { authorizer: describeAuthorizer(route, authorizers) }),
    returnsResponse:
      answered && route.optionalText("RouteResponseSelectionExpression") !== undefined,
  };
}

function describeIntegration(integration: PropertyReader): IntegrationDescription {
  integration.oneOf("IntegrationType", ["AWS_PROXY"]);
  return {
    functionArn: functionArnOf(integration, "IntegrationUri"),
    timeoutMs: integration.number("TimeoutInMillis", 29_000),
  };
}

function describeAuthorizer(route: PropertyReader, authorizers: ById): AuthorizerDescription {
  const id = route.text("AuthorizerId");
  const authorizer = authorizers.get(id) ?? route.fail("AuthorizerId", "an authorizer", id);
  authorizer.oneOf("AuthorizerType", ["REQUEST"]);
  return {
    functionArn: functionArnOf(authorizer, "AuthorizerUri"),
    identitySources: authorizer.list("IdentitySource"),
  };
}

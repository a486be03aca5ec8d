/** AWS::ApiGatewayV2: an API with its stage, routes, integrations and authorizer, put together. */

import { functionArnOf } from "./function";
import { shortIdOf } from "./identity";
import { kind } from "./kind";
import type { PropertyReader } from "./properties";

/** A way to get an answer for a route. */
export interface IntegrationDescription {
  kind: "lambda";
  functionArn: string;
  /** After this the gateway gives up on the integration. */
  timeoutMs: number;
}

export interface AuthorizerDescription {
  functionArn: string;
  /** As in `route.request.header.Authorization`. A request that lacks one is not authorized. */
  identitySources: string[];
}

export interface RouteDescription {
  key: string;
  /** A `$connect` or `$disconnect` may go without. */
  integration?: IntegrationDescription;
  authorizer?: AuthorizerDescription;
  /** Whether the integration's answer is sent to the client. */
  returnsResponse: boolean;
}

export interface WebSocketApiDescription {
  apiId: string;
  stage: string;
  routeSelectionExpression: string;
  routes: Map<string, RouteDescription>;
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
export const routeKind = kind((identity) => ({
  ref: shortIdOf(identity),
  RouteId: shortIdOf(identity),
}));
export const integrationKind = kind((identity) => ({
  ref: shortIdOf(identity),
  IntegrationId: shortIdOf(identity),
}));
export const authorizerKind = kind((identity) => ({
  ref: shortIdOf(identity),
  AuthorizerId: shortIdOf(identity),
}));
export const routeResponseKind = kind((identity) => ({
  ref: shortIdOf(identity),
  RouteResponseId: shortIdOf(identity),
}));

/** A resource by the id that others use for it. */
export type ById = Map<string, PropertyReader>;

export interface ApiParts {
  stages: PropertyReader[];
  routes: ById;
  integrations: ById;
  authorizers: ById;
  routeResponses: PropertyReader[];
}

/** @throws LocalRuntimeError if the API is none of WebSockets, or has not exactly one stage */
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
    routeSelectionExpression: reader.text("RouteSelectionExpression"),
    routes,
  };
}

function describeRoute(
  route: PropertyReader,
  { integrations, authorizers }: ApiParts,
  answered: boolean,
): RouteDescription {
  const key = route.text("RouteKey");
  const target = route.optionalText("Target");
  const integration = target && integrations.get(target.replace(/^integrations\//, ""));
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
    kind: "lambda",
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

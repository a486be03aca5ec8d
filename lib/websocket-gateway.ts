/** The WebSocket API: routes, stage, and access to connections. `gateway-functions.ts` lists its functions. */

import { Fn, RemovalPolicy, Stack } from "aws-cdk-lib";
import { AccessLogFormat } from "aws-cdk-lib/aws-apigateway";
import {
  type CfnStage,
  LogGroupLogDestination,
  WebSocketApi,
  WebSocketStage,
} from "aws-cdk-lib/aws-apigatewayv2";
import { WebSocketLambdaAuthorizer } from "aws-cdk-lib/aws-apigatewayv2-authorizers";
import { WebSocketLambdaIntegration } from "aws-cdk-lib/aws-apigatewayv2-integrations";
import { PolicyStatement } from "aws-cdk-lib/aws-iam";
import { LogGroup } from "aws-cdk-lib/aws-logs";
import { Construct } from "constructs";
import { BundledFunction, type FunctionSettings } from "./bundled-function";
import { CustomDomain, urlOf } from "./custom-domain";
import { GatewayDeployment } from "./gateway-deployment";
import {
  DELIVERY,
  GATEWAY_FUNCTIONS,
  type GatewayFunction,
  type GatewayFunctionName,
  MESSAGE_ROUTES,
} from "./gateway-functions";
import type { Settings } from "./settings";
import type { Storage } from "./storage";

const STAGE = "prod";

/** A line of the access log. It contains no headers, because they include the token, and no message content. */
const ACCESS_LOG = AccessLogFormat.custom(
  JSON.stringify({
    requestId: "$context.requestId",
    requestTime: "$context.requestTime",
    eventType: "$context.eventType",
    routeKey: "$context.routeKey",
    status: "$context.status",
    connectionId: "$context.connectionId",
    sourceIp: "$context.identity.sourceIp",
    integrationLatency: "$context.integrationLatency",
    integrationError: "$context.integrationErrorMessage",
  }),
);

export interface WebSocketGatewayProps {
  readonly settings: Settings;
  readonly functions: FunctionSettings;
  readonly storage: Storage;
}

export class WebSocketGateway extends Construct {
  /** The URL that clients connect to. */
  readonly url: string;
  /** The URL without its path. */
  readonly origin: string;
  /** Target of the custom domain's DNS record; undefined without a domain. */
  readonly customDomainTarget: string | undefined;
  readonly stage: WebSocketStage;
  /** Functions that alarms watch. */
  readonly functions: Readonly<
    Record<"authorize" | "connect" | "heartbeat" | "disconnect", BundledFunction>
  >;
  /** The API's own address, also if there is a custom domain. */
  readonly #callbackUrl: string;
  readonly #apiId: string;
  readonly #props: WebSocketGatewayProps;

  constructor(scope: Construct, id: string, props: WebSocketGatewayProps) {
    super(scope, id);
    this.#props = props;
    const [authorize, connect] = [this.#function("authorize"), this.#function("connect")];
    const api = new WebSocketApi(this, "Api", {
      description: "Connections and heartbeats of agents",
      routeSelectionExpression: "$request.body.type",
      connectRouteOptions: {
        integration: new WebSocketLambdaIntegration("Connect", connect),
        authorizer: new WebSocketLambdaAuthorizer("Login", authorize, {
          identitySource: ["route.request.header.Sec-WebSocket-Protocol"],
        }),
      },
    });
    this.#apiId = api.apiId;
    // Not the stage's attribute, which would create a cycle: stage, routes, functions, stage.
    const { region, urlSuffix } = Stack.of(this);
    const host = Fn.join("", [api.apiId, ".execute-api.", region, ".", urlSuffix]);
    const { customDomain, throttling, accessLogs } = props.settings;
    this.origin = customDomain ? urlOf(customDomain) : `wss://${host}`;
    this.url = customDomain ? this.origin : `wss://${host}/${STAGE}`;
    this.#callbackUrl = `https://${host}/${STAGE}`;

    const heartbeat = this.#function("heartbeat");
    const disconnect = this.#function("disconnect");
    this.functions = { authorize, connect, heartbeat, disconnect };
    api.addRoute("$disconnect", {
      integration: new WebSocketLambdaIntegration("Disconnect", disconnect),
    });
    for (const { name, route } of MESSAGE_ROUTES) {
      const fn = name === "heartbeat" ? heartbeat : this.#function(name);
      // Any route may have to close the sender's connection: if it floods, or has lost its agent's row.
      this.grantConnections(fn, "POST", "DELETE");
      // The reply is the route's response, without a call to @connections.
      const integration = new WebSocketLambdaIntegration(`${fn.node.id}Route`, fn);
      api.addRoute(route, { integration, returnResponse: true });
    }
    // No route response: API Gateway may send and bill an empty frame for a response without a body.
    const quiet = new WebSocketLambdaIntegration("HeartbeatQuietRoute", heartbeat);
    api.addRoute("heartbeat_quiet", { integration: quiet });
    const domain = customDomain && new CustomDomain(this, "Domain", customDomain).domain;
    this.customDomainTarget = domain?.regionalDomainName;
    const { rateLimit, burstLimit } = throttling;
    this.stage = new WebSocketStage(this, "Stage", {
      webSocketApi: api,
      stageName: STAGE,
      throttle: { rateLimit, burstLimit },
      ...(domain && { domainMapping: { domainName: domain } }),
      ...(accessLogs && {
        accessLogSettings: { destination: this.#accessLogs(), format: ACCESS_LOG },
      }),
    });
    const deployment = new GatewayDeployment(this, "Deployment", api);
    (this.stage.node.defaultChild as CfnStage).deploymentId = deployment.ref;
    this.#setRoutes();
  }

  /** Lets a function post to connections (POST), close them (DELETE), or read when they were last active (GET). */
  grantConnections(fn: BundledFunction, ...methods: ("GET" | "POST" | "DELETE")[]): void {
    fn.addEnvironment("CALLBACK_URL", this.#callbackUrl);
    for (const method of methods) {
      const resource = `${this.#apiId}/${STAGE}/${method}/@connections/*`;
      fn.addToRolePolicy(
        new PolicyStatement({
          actions: ["execute-api:ManageConnections"],
          resources: [Stack.of(this).formatArn({ service: "execute-api", resource })],
        }),
      );
    }
  }

  /** Lets a function deliver messages to subscribers and agents. */
  grantDeliver(fn: BundledFunction): void {
    this.#props.storage.grantAccess(fn, DELIVERY);
    this.grantConnections(fn, "POST");
  }

  /** Limits of single routes. */
  #setRoutes(): void {
    const { routes } = this.#props.settings.throttling;
    const settings = Object.entries(routes).map(([route, { rateLimit, burstLimit }]) => [
      route,
      { ThrottlingRateLimit: rateLimit, ThrottlingBurstLimit: burstLimit },
    ]);
    if (settings.length === 0) return;
    // API Gateway refuses settings for a route that does not exist. The stage depends on the deployment, and that on all routes.
    (this.stage.node.defaultChild as CfnStage).routeSettings = Object.fromEntries(settings);
  }

  /** The log contains the sender and the outcome of each message, never its content or a token. */
  #accessLogs(): LogGroupLogDestination {
    const { logRetention, encryptionKey } = this.#props.settings;
    return new LogGroupLogDestination(
      new LogGroup(this, "AccessLogs", {
        retention: logRetention,
        removalPolicy: RemovalPolicy.DESTROY,
        ...(encryptionKey && { encryptionKey }),
      }),
    );
  }

  #function(entry: GatewayFunctionName): BundledFunction {
    const { storage, settings, functions } = this.#props;
    const { description, tables, environment }: GatewayFunction = GATEWAY_FUNCTIONS[entry];
    const fn = new BundledFunction(this, `${entry.charAt(0).toUpperCase()}${entry.slice(1)}`, {
      entry,
      description,
      settings: functions,
      environment: environment?.(settings) ?? {},
    });
    storage.grantAccess(fn, tables);
    return fn;
  }
}

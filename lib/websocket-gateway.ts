/** The WebSocket API with its routes, its stage and its access to connections. The functions are in `gateway-functions.ts`. */

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

/** A line of the access log: no header, in which the token is, and nothing of what a message says. */
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
  /** Where clients connect. */
  readonly url: string;
  /** The URL without its path. */
  readonly origin: string;
  /** What a record of the custom domain's name has to point at; undefined without one. */
  readonly customDomainTarget: string | undefined;
  readonly stage: WebSocketStage;
  /** Those that the gateway calls while it waits, and whose failure no message reports. */
  readonly functions: Readonly<
    Record<"authorize" | "connect" | "heartbeat" | "disconnect", BundledFunction>
  >;
  /** The API's own address, whatever clients use. */
  readonly #callbackUrl: string;
  readonly #apiId: string;
  readonly #props: WebSocketGatewayProps;

  constructor(scope: Construct, id: string, props: WebSocketGatewayProps) {
    super(scope, id);
    this.#props = props;
    const [authorize, connect] = [this.#function("authorize"), this.#function("connect")];
    const api = new WebSocketApi(this, "Api", {
      description: "Where agents connect and send heartbeats",
      routeSelectionExpression: "$request.body.type",
      connectRouteOptions: {
        integration: new WebSocketLambdaIntegration("Connect", connect),
        authorizer: new WebSocketLambdaAuthorizer("Login", authorize, {
          identitySource: ["route.request.header.Sec-WebSocket-Protocol"],
        }),
      },
    });
    this.#apiId = api.apiId;
    // By hand, for the stage's own attribute would make a circle: stage, routes, functions, stage.
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
      // Any route may have to close its caller: one that floods, or that lost its agent's row.
      this.grantConnections(fn, "POST", "DELETE");
      // The reply is the route's response, which costs no call to @connections.
      const integration = new WebSocketLambdaIntegration(`${fn.node.id}Route`, fn);
      api.addRoute(route, { integration, returnResponse: true });
    }
    // Without a response: API Gateway may send, and bills, an empty frame for an answer without a body.
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

  /** Lets a function send to connections (POST), close them (DELETE), or see when they were last active (GET). */
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

  /** Lets a function deliver messages to subscribers and to agents, and close a subscriber that is locked out. */
  grantDeliver(fn: BundledFunction): void {
    this.#props.storage.grantAccess(fn, DELIVERY);
    this.grantConnections(fn, "POST", "DELETE");
  }

  /** Limits of single routes. */
  #setRoutes(): void {
    const { routes = {} } = this.#props.settings.throttling;
    const settings = Object.entries(routes).map(([route, { rateLimit, burstLimit }]) => [
      route,
      { ThrottlingRateLimit: rateLimit, ThrottlingBurstLimit: burstLimit },
    ]);
    if (settings.length === 0) return;
    // A setting for a route that is not there yet is refused: the stage's deployment comes after all routes.
    (this.stage.node.defaultChild as CfnStage).routeSettings = Object.fromEntries(settings);
  }

  /** What is logged of a message is who sent it and what became of it: never its content, never a token. */
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

/** The WebSocket API: which route is served by which function, and what each function may do. */

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
import { type IGrantable, PolicyStatement } from "aws-cdk-lib/aws-iam";
import { LogGroup } from "aws-cdk-lib/aws-logs";
import { Construct } from "constructs";
import type { FunctionEnvironment } from "../core/environment";
import { BundledFunction, type FunctionSettings } from "./bundled-function";
import { CustomDomain, urlOf } from "./custom-domain";
import { GatewayDeployment } from "./gateway-deployment";
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

export interface WebSocketGatewayProps extends Settings, FunctionSettings {
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
  /** Where functions post to connections and close them: the API's own address, whatever clients use. */
  readonly callbackUrl: string;
  /** Those that the gateway calls while it waits, and whose failure no message tells. */
  readonly functions: Readonly<
    Record<"authorize" | "connect" | "heartbeat" | "disconnect", BundledFunction>
  >;
  readonly #apiId: string;
  readonly #props: WebSocketGatewayProps;

  constructor(scope: Construct, id: string, props: WebSocketGatewayProps) {
    super(scope, id);
    this.#props = props;
    const [authorize, connect] = [this.#authorize(), this.#connect()];
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
    const { customDomain } = props;
    this.origin = customDomain ? urlOf(customDomain) : `wss://${host}`;
    this.url = customDomain ? this.origin : `wss://${host}/${STAGE}`;
    this.callbackUrl = `https://${host}/${STAGE}`;

    const heartbeat = this.#heartbeat();
    const disconnect = this.#disconnect();
    this.functions = { authorize, connect, heartbeat, disconnect };
    api.addRoute("$disconnect", {
      integration: new WebSocketLambdaIntegration("Disconnect", disconnect),
    });
    const routes: [string, BundledFunction][] = [
      ["heartbeat", heartbeat],
      ["profile", this.#profile()],
      ["subscribe", this.#subscribe()],
      ["unsubscribe", this.#unsubscribe()],
      ["publish", this.#publish()],
      ["list", this.#list()],
      ["history", this.#history()],
      ["$default", this.#function("fallback", "Answers messages of no known type")],
    ];
    for (const [route, handler] of routes) {
      // A connection that floods, or has lost its agent's row, is told so and closed by whichever route it uses.
      handler.addEnvironment("CALLBACK_URL", this.callbackUrl);
      this.grantPost(handler);
      this.grantClose(handler);
      // The reply is the route's response, which costs no call to @connections.
      const integration = new WebSocketLambdaIntegration(`${handler.node.id}Route`, handler);
      api.addRoute(route, { integration, returnResponse: true });
    }
    if (heartbeat) {
      // Without a response: API Gateway may send, and bills, an empty frame for an answer without a body.
      const integration = new WebSocketLambdaIntegration("HeartbeatQuietRoute", heartbeat);
      api.addRoute("heartbeat_quiet", { integration });
    }
    const domain = customDomain && new CustomDomain(this, "Domain", customDomain).domain;
    this.customDomainTarget = domain?.regionalDomainName;
    const { rateLimit, burstLimit } = props.throttling;
    this.stage = new WebSocketStage(this, "Stage", {
      webSocketApi: api,
      stageName: STAGE,
      throttle: { rateLimit, burstLimit },
      ...(domain && { domainMapping: { domainName: domain } }),
      ...(props.accessLogs && {
        accessLogSettings: { destination: this.#accessLogs(), format: ACCESS_LOG },
      }),
    });
    const deployment = new GatewayDeployment(this, "Deployment", api);
    (this.stage.node.defaultChild as CfnStage).deploymentId = deployment.ref;
    this.#setRoutes();
  }

  /** Lets a function send messages to connections. */
  grantPost(grantee: IGrantable): void {
    this.#grantConnections(grantee, "POST");
  }

  /** Lets a function close connections. */
  grantClose(grantee: IGrantable): void {
    this.#grantConnections(grantee, "DELETE");
  }

  /** Lets a function see when connections were last active. */
  grantLook(grantee: IGrantable): void {
    this.#grantConnections(grantee, "GET");
  }

  /** Lets a function deliver messages to subscribers and to agents. */
  grantDeliver(grantee: IGrantable): void {
    const { storage } = this.#props;
    storage.grantSubscriptions(grantee, "dynamodb:Query", "dynamodb:BatchWriteItem");
    storage.grantSubscriptionsByConnection(grantee);
    storage.statusTable.grant(grantee, "dynamodb:GetItem");
    this.grantPost(grantee);
    // A subscriber that was locked out.
    this.grantClose(grantee);
  }

  /** What a function needs to know that delivers messages. */
  get deliveryEnvironment(): FunctionEnvironment {
    const { statusTable, subscriptionsTable } = this.#props.storage;
    return {
      STATUS_TABLE_NAME: statusTable.tableName,
      SUBSCRIPTIONS_TABLE_NAME: subscriptionsTable.tableName,
      CALLBACK_URL: this.callbackUrl,
    };
  }

  /** Limits of single routes. */
  #setRoutes(): void {
    const { routes = {} } = this.#props.throttling;
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
    return new LogGroupLogDestination(
      new LogGroup(this, "AccessLogs", {
        retention: this.#props.logRetention,
        removalPolicy: RemovalPolicy.DESTROY,
        ...(this.#props.encryptionKey && { encryptionKey: this.#props.encryptionKey }),
      }),
    );
  }

  #authorize(): BundledFunction {
    const { heartbeat, reconnect, storage, customDomain } = this.#props;
    const authorize = this.#function("authorize", "Checks login tokens", {
      REGISTRY_TABLE_NAME: storage.registryTable.tableName,
      DEFAULT_HEARTBEAT_INTERVAL_MS: String(heartbeat.defaultInterval.toMilliseconds()),
      DEFAULT_HEARTBEAT_TIMEOUT_MULTIPLIER: String(heartbeat.defaultTimeoutMultiplier),
      MIN_HEARTBEAT_INTERVAL_MS: String(heartbeat.minInterval.toMilliseconds()),
      MAX_HEARTBEAT_INTERVAL_MS: String(heartbeat.maxInterval.toMilliseconds()),
      CONNECTS_PER_SECOND: String(reconnect.connectsPerSecond),
      MAX_RECONNECT_WINDOW_MS: String(reconnect.maxWindow.toMilliseconds()),
      ...(customDomain && { CUSTOM_DOMAIN_URL: urlOf(customDomain) }),
    });
    storage.registryTable.grant(authorize, "dynamodb:GetItem", "dynamodb:PutItem");
    return authorize;
  }

  #connect(): BundledFunction {
    const environment = leaseEnvironment(this.#props);
    const connect = this.#function("connect", "Acquires an agent's lease", environment);
    this.#props.storage.statusTable.grant(connect, "dynamodb:UpdateItem");
    return connect;
  }

  #heartbeat(): BundledFunction {
    const environment = leaseEnvironment(this.#props);
    const heartbeat = this.#function("heartbeat", "Renews an agent's lease", environment);
    this.#props.storage.statusTable.grant(heartbeat, "dynamodb:UpdateItem");
    return heartbeat;
  }

  #disconnect(): BundledFunction {
    const { storage } = this.#props;
    const disconnect = this.#function("disconnect", "Releases an agent's lease", {
      ...leaseEnvironment(this.#props),
      SUBSCRIPTIONS_TABLE_NAME: storage.subscriptionsTable.tableName,
    });
    storage.statusTable.grant(disconnect, "dynamodb:UpdateItem");
    storage.grantSubscriptions(disconnect, "dynamodb:BatchWriteItem");
    storage.grantSubscriptionsByConnection(disconnect);
    return disconnect;
  }

  #profile(): BundledFunction {
    const { registryTable } = this.#props.storage;
    const profile = this.#function("profile", "Keeps what an agent says of itself", {
      REGISTRY_TABLE_NAME: registryTable.tableName,
    });
    this.#guard(profile);
    registryTable.grant(profile, "dynamodb:UpdateItem");
    return profile;
  }

  #subscribe(): BundledFunction {
    const { storage } = this.#props;
    const subscribe = this.#function("subscribe", "Adds a subscription to a subject", {
      SUBSCRIPTIONS_TABLE_NAME: storage.subscriptionsTable.tableName,
    });
    this.#guard(subscribe);
    storage.grantSubscriptions(subscribe, "dynamodb:PutItem", "dynamodb:DeleteItem");
    storage.grantSubscriptionsByConnection(subscribe);
    return subscribe;
  }

  #unsubscribe(): BundledFunction {
    const { storage } = this.#props;
    const unsubscribe = this.#function("unsubscribe", "Takes a subscription away", {
      SUBSCRIPTIONS_TABLE_NAME: storage.subscriptionsTable.tableName,
    });
    storage.grantSubscriptions(unsubscribe, "dynamodb:DeleteItem");
    return unsubscribe;
  }

  #publish(): BundledFunction {
    const publish = this.#function(
      "publish",
      "Delivers a message to others of its organization",
      this.deliveryEnvironment,
    );
    this.grantDeliver(publish);
    return publish;
  }

  #list(): BundledFunction {
    const { statusTable, registryTable } = this.#props.storage;
    const list = this.#function("list", "Lists agents with their status", {
      STATUS_TABLE_NAME: statusTable.tableName,
      REGISTRY_TABLE_NAME: registryTable.tableName,
    });
    statusTable.grant(list, "dynamodb:Query", "dynamodb:GetItem");
    registryTable.grant(list, "dynamodb:Query", "dynamodb:GetItem");
    return list;
  }

  #history(): BundledFunction {
    const { registryTable } = this.#props.storage;
    const history = this.#function("history", "Tells what an agent went through lately", {
      REGISTRY_TABLE_NAME: registryTable.tableName,
    });
    this.#guard(history);
    registryTable.grant(history, "dynamodb:Query");
    return history;
  }

  /** Lets a route ask the row of whoever sends a message whether it counts. */
  #guard(route: BundledFunction): void {
    const { statusTable } = this.#props.storage;
    route.addEnvironment("STATUS_TABLE_NAME", statusTable.tableName);
    statusTable.grant(route, "dynamodb:GetItem");
  }

  #grantConnections(grantee: IGrantable, method: "GET" | "POST" | "DELETE"): void {
    const resource = `${this.#apiId}/${STAGE}/${method}/@connections/*`;
    grantee.grantPrincipal.addToPrincipalPolicy(
      new PolicyStatement({
        actions: ["execute-api:ManageConnections"],
        resources: [Stack.of(this).formatArn({ service: "execute-api", resource })],
      }),
    );
  }

  #function(
    entry: string,
    description: string,
    environment: FunctionEnvironment = {},
  ): BundledFunction {
    const id = `${entry.charAt(0).toUpperCase()}${entry.slice(1)}`;
    return new BundledFunction(this, id, {
      entry,
      description,
      environment,
      settings: this.#props,
    });
  }
}

/** What a function needs to know that writes leases. */
export function leaseEnvironment({
  storage,
  retention,
}: Pick<WebSocketGatewayProps, "storage" | "retention">): FunctionEnvironment {
  return {
    STATUS_TABLE_NAME: storage.statusTable.tableName,
    RETENTION_MS: String(retention.toMilliseconds()),
  };
}

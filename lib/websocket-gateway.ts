/** The WebSocket API: which route is served by which function, and what each function may do. */

import { Fn, Stack } from "aws-cdk-lib";
import { WebSocketApi, WebSocketStage } from "aws-cdk-lib/aws-apigatewayv2";
import { WebSocketLambdaAuthorizer } from "aws-cdk-lib/aws-apigatewayv2-authorizers";
import { WebSocketLambdaIntegration } from "aws-cdk-lib/aws-apigatewayv2-integrations";
import type { Table } from "aws-cdk-lib/aws-dynamodb";
import { type IGrantable, PolicyStatement } from "aws-cdk-lib/aws-iam";
import { Construct } from "constructs";
import { BundledFunction } from "./bundled-function";
import type { Settings } from "./props";

const STAGE = "prod";

export interface WebSocketGatewayProps extends Settings {
  readonly statusTable: Table;
  readonly registryTable: Table;
}

export class WebSocketGateway extends Construct {
  /** Where clients connect. */
  readonly url: string;
  /** Where functions post to connections and close them. */
  readonly callbackUrl: string;
  readonly #apiId: string;

  constructor(scope: Construct, id: string, props: WebSocketGatewayProps) {
    super(scope, id);
    const { statusTable, registryTable, heartbeat } = props;

    const authorize = this.#function("authorize", "Checks login tokens", props, {
      REGISTRY_TABLE_NAME: registryTable.tableName,
      DEFAULT_HEARTBEAT_INTERVAL_MS: String(heartbeat.defaultInterval.toMilliseconds()),
      DEFAULT_HEARTBEAT_TIMEOUT_MULTIPLIER: String(heartbeat.defaultTimeoutMultiplier),
      MIN_HEARTBEAT_INTERVAL_MS: String(heartbeat.minInterval.toMilliseconds()),
      MAX_HEARTBEAT_INTERVAL_MS: String(heartbeat.maxInterval.toMilliseconds()),
    });
    const connect = this.#function("connect", "Acquires an agent's lease", props, {
      ...leaseEnvironment(props),
      REGISTRY_TABLE_NAME: registryTable.tableName,
    });
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
    this.url = `wss://${host}/${STAGE}`;
    this.callbackUrl = `https://${host}/${STAGE}`;

    const renew = this.#function("heartbeat", "Renews an agent's lease", props, {
      ...leaseEnvironment(props),
      CALLBACK_URL: this.callbackUrl,
    });
    const disconnect = this.#function("disconnect", "Releases an agent's lease", props, {
      ...leaseEnvironment(props),
    });
    const list = this.#function("list", "Lists agents with their status", props, {
      STATUS_TABLE_NAME: statusTable.tableName,
    });
    const fallback = this.#function("fallback", "Answers messages of no known type", props, {});

    api.addRoute("$disconnect", {
      integration: new WebSocketLambdaIntegration("Disconnect", disconnect),
    });
    for (const [route, handler] of [
      ["heartbeat", renew],
      ["list", list],
      ["$default", fallback],
    ] as const) {
      // The reply is the route's response, which costs no call to @connections.
      const integration = new WebSocketLambdaIntegration(`${handler.node.id}Route`, handler);
      api.addRoute(route, { integration, returnResponse: true });
    }
    new WebSocketStage(this, "Stage", {
      webSocketApi: api,
      stageName: STAGE,
      autoDeploy: true,
    });

    registryTable.grant(authorize, "dynamodb:GetItem", "dynamodb:PutItem");
    registryTable.grant(connect, "dynamodb:GetItem");
    for (const writer of [connect, renew, disconnect]) {
      statusTable.grant(writer, "dynamodb:UpdateItem");
    }
    statusTable.grant(list, "dynamodb:Query");
    this.grantPost(renew);
    this.grantClose(renew);
  }

  /** Lets a function send messages to connections. */
  grantPost(grantee: IGrantable): void {
    this.#grantConnections(grantee, "POST");
  }

  /** Lets a function close connections. */
  grantClose(grantee: IGrantable): void {
    this.#grantConnections(grantee, "DELETE");
  }

  #grantConnections(grantee: IGrantable, method: "POST" | "DELETE"): void {
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
    { logRetention }: Settings,
    environment: Record<string, string>,
  ): BundledFunction {
    const id = `${entry.charAt(0).toUpperCase()}${entry.slice(1)}`;
    return new BundledFunction(this, id, { entry, description, environment, logRetention });
  }
}

/** What a function needs that writes leases. */
export function leaseEnvironment(props: { statusTable: Table; retention: Settings["retention"] }) {
  return {
    STATUS_TABLE_NAME: props.statusTable.tableName,
    RETENTION_MS: String(props.retention.toMilliseconds()),
  };
}

/** The `heartbeat` route without a function: API Gateway writes to DynamoDB, and answers, by templates. */

import { type Duration, Stack } from "aws-cdk-lib";
import {
  CfnIntegrationResponse,
  PassthroughBehavior,
  type WebSocketApi,
  type WebSocketIntegration,
} from "aws-cdk-lib/aws-apigatewayv2";
import { WebSocketAwsIntegration } from "aws-cdk-lib/aws-apigatewayv2-integrations";
import { Grant, Role, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import { Construct } from "constructs";
import type { Storage } from "../storage";
import { requestTemplate } from "./request-template";
import { responseTemplate } from "./response-template";

const INTEGRATION = "DirectHeartbeat";

/** What `\$default` of a selection comes to: the one template that there is. */
const ONLY = { key: "$default", expression: "\\$default" };

export interface DirectHeartbeatProps {
  readonly api: WebSocketApi;
  readonly storage: Storage;
  readonly retention: Duration;
}

export class DirectHeartbeat extends Construct {
  constructor(scope: Construct, id: string, { api, storage, retention }: DirectHeartbeatProps) {
    super(scope, id);
    const { statusTable } = storage;
    const role = new Role(this, "Role", {
      description: "Lets the gateway renew leases",
      assumedBy: new ServicePrincipal("apigateway.amazonaws.com"),
    });
    Grant.addToPrincipal({
      grantee: role,
      actions: ["dynamodb:UpdateItem"],
      resourceArns: [statusTable.tableArn],
    });
    storage.grantKeys(role);
    const { tableName } = statusTable;
    const route = api.addRoute("heartbeat", {
      returnResponse: true,
      integration: new WebSocketAwsIntegration(INTEGRATION, {
        integrationUri: `arn:${Stack.of(this).partition}:apigateway:${Stack.of(this).region}:dynamodb:action/UpdateItem`,
        integrationMethod: "POST",
        credentialsRole: role,
        passthroughBehavior: PassthroughBehavior.NEVER,
        templateSelectionExpression: ONLY.expression,
        requestTemplates: {
          [ONLY.key]: requestTemplate({ tableName, retentionMs: retention.toMilliseconds() }),
        },
      }),
    });
    // Through the key that takes every answer, an error's too: which expression others are compared with
    // can't be set in CloudFormation, and for a service other than Lambda is not documented.
    new CfnIntegrationResponse(this, "Answer", {
      apiId: api.apiId,
      integrationId: (route.node.findChild(INTEGRATION) as WebSocketIntegration).integrationId,
      integrationResponseKey: "$default",
      templateSelectionExpression: ONLY.expression,
      responseTemplates: { [ONLY.key]: responseTemplate() },
    });
  }
}

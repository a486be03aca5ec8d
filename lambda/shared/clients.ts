/** AWS clients as every function builds them: each call ends long before its function's time-out. */

import { ApiGatewayManagementApiClient } from "@aws-sdk/client-apigatewaymanagementapi";
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { EventBridgeClient } from "@aws-sdk/client-eventbridge";
import { S3Client } from "@aws-sdk/client-s3";
import { boundedClient, CALL_LIMITS, REMOTE_CALL_LIMITS } from "../../core/aws-client";

export const dynamoDbClient = () => boundedClient(DynamoDBClient, {}, CALL_LIMITS);

export const eventBridgeClient = () => boundedClient(EventBridgeClient, {}, CALL_LIMITS);

/** Files take longer than records. */
export const s3Client = () => boundedClient(S3Client, {}, REMOTE_CALL_LIMITS);

/** @param endpoint the stage's callback URL, `https://<api>.execute-api.<region>.amazonaws.com/<stage>` */
export const connectionsClient = (endpoint: string) =>
  boundedClient(ApiGatewayManagementApiClient, { endpoint }, CALL_LIMITS);

/**
 * For messages, which are delivered at most once: if a response is lost, the message may have arrived,
 * so that it is not sent again.
 *
 * @param endpoint as for `connectionsClient`
 */
export const postsClient = (endpoint: string) =>
  boundedClient(ApiGatewayManagementApiClient, { endpoint }, { ...CALL_LIMITS, attempts: 1 });

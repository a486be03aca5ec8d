/** AWS clients as every function builds them: few retries and short time-outs, for a caller waits. */

import { ApiGatewayManagementApiClient } from "@aws-sdk/client-apigatewaymanagementapi";
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { EventBridgeClient } from "@aws-sdk/client-eventbridge";
import { S3Client } from "@aws-sdk/client-s3";

const settings = {
  maxAttempts: 3,
  // A healthy call takes milliseconds; the defaults would let one lost packet use up the function's time.
  requestHandler: { connectionTimeout: 1000, requestTimeout: 3000 },
};

export const dynamoDbClient = () => new DynamoDBClient(settings);

export const eventBridgeClient = () => new EventBridgeClient(settings);

export const s3Client = () => new S3Client(settings);

/** @param endpoint the stage's callback URL, `https://<api>.execute-api.<region>.amazonaws.com/<stage>` */
export const connectionsClient = (endpoint: string) =>
  new ApiGatewayManagementApiClient({ ...settings, endpoint });

/** The AWS clients of a trial deployment, all for one account and region. */

import { CloudFormationClient } from "@aws-sdk/client-cloudformation";
import { CloudWatchClient } from "@aws-sdk/client-cloudwatch";
import { CloudWatchLogsClient } from "@aws-sdk/client-cloudwatch-logs";
import { DynamoDBClient, type DynamoDBClientConfig } from "@aws-sdk/client-dynamodb";
import { LambdaClient } from "@aws-sdk/client-lambda";
import { boundedClient } from "../../core/aws-client";

/** Options that all clients share. */
export type AwsConfig = Pick<DynamoDBClientConfig, "region" | "endpoint" | "credentials">;

export interface Clients {
  cloudFormation: CloudFormationClient;
  cloudWatch: CloudWatchClient;
  dynamoDb: DynamoDBClient;
  lambda: LambdaClient;
  logs: CloudWatchLogsClient;
}

export function clientsFor(config: AwsConfig): Clients {
  return {
    cloudFormation: boundedClient(CloudFormationClient, config),
    cloudWatch: boundedClient(CloudWatchClient, config),
    dynamoDb: boundedClient(DynamoDBClient, config),
    lambda: boundedClient(LambdaClient, config),
    logs: boundedClient(CloudWatchLogsClient, config),
  };
}

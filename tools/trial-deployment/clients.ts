/** The AWS clients of a trial deployment, all for one account and region. */

import { CloudFormationClient } from "@aws-sdk/client-cloudformation";
import { CloudWatchClient } from "@aws-sdk/client-cloudwatch";
import { CloudWatchLogsClient } from "@aws-sdk/client-cloudwatch-logs";
import { DynamoDBClient, type DynamoDBClientConfig } from "@aws-sdk/client-dynamodb";
import { LambdaClient } from "@aws-sdk/client-lambda";

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
    cloudFormation: new CloudFormationClient(config),
    cloudWatch: new CloudWatchClient(config),
    dynamoDb: new DynamoDBClient(config),
    lambda: new LambdaClient(config),
    logs: new CloudWatchLogsClient(config),
  };
}

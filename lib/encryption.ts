/** Encryption with a customer's key: permissions of the service's functions and of AWS's services. */

import { Annotations, Duration, Stack } from "aws-cdk-lib";
import { type IGrantable, PolicyStatement, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import type { IKey } from "aws-cdk-lib/aws-kms";
import { Queue, QueueEncryption } from "aws-cdk-lib/aws-sqs";
import type { Construct } from "constructs";

/** Actions that DynamoDB needs on behalf of a principal that reads and writes a table. */
const TABLE_ACTIONS = [
  "kms:Decrypt",
  "kms:DescribeKey",
  "kms:Encrypt",
  "kms:GenerateDataKey",
  "kms:ReEncryptFrom",
  "kms:ReEncryptTo",
];

/** Actions that DynamoDB needs on behalf of a principal that only reads a table. */
const READ_ACTIONS = ["kms:Decrypt", "kms:DescribeKey"];

/** Lets a principal use the key of a table, through DynamoDB only. */
export function grantTableKey(key: IKey, grantee: IGrantable, access: "read" | "write"): void {
  const { region, urlSuffix } = Stack.of(key);
  grantee.grantPrincipal.addToPrincipalPolicy(
    new PolicyStatement({
      actions: access === "read" ? READ_ACTIONS : TABLE_ACTIONS,
      resources: [key.keyArn],
      conditions: { StringEquals: { "kms:ViaService": `dynamodb.${region}.${urlSuffix}` } },
    }),
  );
}

/** A queue of undelivered events, encrypted with the customer's key or with SQS's own. */
export const undeliveredQueue = (scope: Construct, key: IKey | undefined): Queue =>
  new Queue(scope, "Undelivered", {
    retentionPeriod: Duration.days(14),
    enforceSSL: true,
    encryption: key ? QueueEncryption.KMS : QueueEncryption.SQS_MANAGED,
    ...(key && { encryptionMasterKey: key }),
  });

/**
 * Lets CloudWatch Logs and EventBridge use the key, for log groups and for a rule's queue of undelivered events. The policy
 * of an imported key can't be changed: a warning lists what it must allow.
 */
export function admitServices(scope: Construct, key: IKey): void {
  const stack = Stack.of(scope);
  const logs = new ServicePrincipal(`logs.${stack.region}.amazonaws.com`);
  const logGroups = stack.formatArn({
    service: "logs",
    resource: "log-group:*",
  });
  const statements = [
    new PolicyStatement({
      principals: [logs],
      actions: [
        "kms:Encrypt",
        "kms:Decrypt",
        "kms:ReEncrypt*",
        "kms:GenerateDataKey*",
        "kms:Describe*",
      ],
      resources: ["*"],
      conditions: { ArnLike: { "kms:EncryptionContext:aws:logs:arn": logGroups } },
    }),
    new PolicyStatement({
      principals: [new ServicePrincipal("events.amazonaws.com")],
      actions: ["kms:Decrypt", "kms:GenerateDataKey"],
      resources: ["*"],
      conditions: { StringEquals: { "aws:SourceAccount": stack.account } },
    }),
  ];
  const added = statements.map((statement) => key.addToResourcePolicy(statement).statementAdded);
  if (added.every(Boolean)) return;
  Annotations.of(scope).addWarningV2(
    "agent-heartbeat:encryptionKeyPolicy",
    "encryptionKey: the policy of an imported key must let CloudWatch Logs and EventBridge use it: see docs/construct.md#encryptionkey",
  );
}

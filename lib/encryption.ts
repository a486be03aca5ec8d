/** Encryption under a key of the customer: what of the service may use it, and what AWS's services may. */

import { Annotations, Stack } from "aws-cdk-lib";
import { type IGrantable, PolicyStatement, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import type { IKey } from "aws-cdk-lib/aws-kms";
import { QueueEncryption, type QueueProps } from "aws-cdk-lib/aws-sqs";
import type { Construct } from "constructs";

/** What DynamoDB does in the name of whoever reads and writes a table. */
const TABLE_ACTIONS = [
  "kms:Decrypt",
  "kms:DescribeKey",
  "kms:Encrypt",
  "kms:GenerateDataKey",
  "kms:ReEncryptFrom",
  "kms:ReEncryptTo",
];

/** What DynamoDB does in the name of whoever only reads a table. */
const READ_ACTIONS = ["kms:Decrypt", "kms:DescribeKey"];

/** Lets a principal use the key of a table through DynamoDB alone. */
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

/** How a queue is encrypted: by a key of one's own, or by that of SQS. */
export const queueEncryption = (key: IKey | undefined): Partial<QueueProps> =>
  key
    ? { encryption: QueueEncryption.KMS, encryptionMasterKey: key }
    : { encryption: QueueEncryption.SQS_MANAGED };

/**
 * Lets CloudWatch Logs and EventBridge use the key, for log groups and for the queue of what a rule could not
 * deliver. A key that is imported has a policy that only its owner can change: a warning says what it has to have.
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
    "encryptionKey: its policy can't be changed from here, and has to let CloudWatch Logs and EventBridge use it: see docs/construct.md#encryptionkey",
  );
}

/** The tables that hold all state. No function keeps any, so any number of them may run. */

import { RemovalPolicy } from "aws-cdk-lib";
import {
  AttributeType,
  BillingMode,
  ProjectionType,
  StreamViewType,
  Table,
} from "aws-cdk-lib/aws-dynamodb";
import { Grant, type IGrantable } from "aws-cdk-lib/aws-iam";
import { Construct } from "constructs";
import { SUBSCRIPTIONS_BY_CONNECTION } from "../lambda/names";

export interface StorageProps {
  readonly removalPolicy: RemovalPolicy;
}

export class Storage extends Construct {
  /**
   * Hot: one small row an agent, rewritten by every heartbeat. It has no index, for each would be
   * written, and paid, once more per heartbeat.
   */
  readonly statusTable: Table;
  /** Cold: agents and their public keys, used login tokens, positions of the sweep. */
  readonly registryTable: Table;
  /** Which connection wants messages on which subject. Its rows are worth nothing after two hours. */
  readonly subscriptionsTable: Table;

  constructor(scope: Construct, id: string, { removalPolicy }: StorageProps) {
    super(scope, id);
    const common = {
      partitionKey: { name: "organizationId", type: AttributeType.STRING },
      billingMode: BillingMode.PAY_PER_REQUEST,
      timeToLiveAttribute: "ttlEpochSeconds",
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      removalPolicy,
      deletionProtection: removalPolicy === RemovalPolicy.RETAIN,
    };
    this.statusTable = new Table(this, "AgentStatus", {
      ...common,
      sortKey: { name: "agentId", type: AttributeType.STRING },
      stream: StreamViewType.NEW_AND_OLD_IMAGES,
    });
    this.registryTable = new Table(this, "AgentRegistry", {
      ...common,
      sortKey: { name: "recordId", type: AttributeType.STRING },
    });
    this.subscriptionsTable = new Table(this, "Subscriptions", {
      partitionKey: { name: "address", type: AttributeType.STRING },
      sortKey: { name: "subscriber", type: AttributeType.STRING },
      billingMode: BillingMode.PAY_PER_REQUEST,
      timeToLiveAttribute: "ttlEpochSeconds",
      removalPolicy: RemovalPolicy.DESTROY,
    });
    this.subscriptionsTable.addGlobalSecondaryIndex({
      indexName: SUBSCRIPTIONS_BY_CONNECTION,
      partitionKey: { name: "connectionId", type: AttributeType.STRING },
      projectionType: ProjectionType.KEYS_ONLY,
    });
  }

  /** Lets a function act on subscriptions, though not through their index. */
  grantSubscriptions(grantee: IGrantable, ...actions: string[]): void {
    const { tableArn } = this.subscriptionsTable;
    Grant.addToPrincipal({ grantee, actions, resourceArns: [tableArn] });
  }

  /** Lets a function find the subscriptions of a connection. */
  grantSubscriptionsByConnection(grantee: IGrantable): void {
    const index = `${this.subscriptionsTable.tableArn}/index/${SUBSCRIPTIONS_BY_CONNECTION}`;
    Grant.addToPrincipal({ grantee, actions: ["dynamodb:Query"], resourceArns: [index] });
  }
}

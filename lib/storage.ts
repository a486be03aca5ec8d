/** The tables, which hold all state of the service. */

import { RemovalPolicy } from "aws-cdk-lib";
import {
  AttributeType,
  BillingMode,
  type ITable,
  ProjectionType,
  StreamViewType,
  Table,
  TableEncryption,
} from "aws-cdk-lib/aws-dynamodb";
import { Grant, type IGrantable } from "aws-cdk-lib/aws-iam";
import type { IKey } from "aws-cdk-lib/aws-kms";
import { Construct } from "constructs";
import { SUBSCRIPTIONS_BY_CONNECTION, SUBSCRIPTIONS_BY_OWNER } from "../core/names";
import type { BundledFunction } from "./bundled-function";
import { grantTableKey } from "./encryption";
import { expectTable, SUBSCRIPTION_INDEXES, TABLE_KEYS, TTL_ATTRIBUTE } from "./existing-tables";
import type { Settings } from "./settings";
import { type Capacity, scale } from "./status-table-capacity";

export type StorageProps = Pick<
  Settings,
  "removalPolicy" | "tables" | "encryptionKey" | "statusTableCapacity"
>;

/** DynamoDB operations that a function may call, by table. */
export interface TableAccess {
  readonly status?: readonly Operation[];
  readonly registry?: readonly Operation[];
  readonly subscriptions?: readonly Operation[];
  /** The index by which the subscriptions of a connection are found. */
  readonly subscriptionsByConnection?: readonly ["Query"];
  /** The index by which an agent's subscriptions are counted. */
  readonly subscriptionsByOwner?: readonly ["Query"];
}

type Operation =
  | "GetItem"
  | "BatchGetItem"
  | "Query"
  | "Scan"
  | "PutItem"
  | "UpdateItem"
  | "DeleteItem"
  | "BatchWriteItem";

export class Storage extends Construct {
  /**
   * Hot: one small row per agent, rewritten by every heartbeat. It has no index, which would add a write to every heartbeat.
   */
  readonly statusTable: ITable;
  /** Cold: agents with their public keys and profiles, used login tokens, histories, and the state of the sweep. */
  readonly registryTable: ITable;
  /** Subscriptions of connections, which live for at most two hours. */
  readonly subscriptionsTable: ITable;

  /** @throws Error if a given table is not usable */
  constructor(scope: Construct, id: string, props: StorageProps) {
    super(scope, id);
    const { status, registry, subscriptions } = props.tables;
    this.statusTable = status
      ? expectTable("status", status)
      : this.#kept("AgentStatus", "status", props, {
          stream: StreamViewType.NEW_AND_OLD_IMAGES,
          capacity: props.statusTableCapacity,
        });
    this.registryTable = registry
      ? expectTable("registry", registry)
      : this.#kept("AgentRegistry", "registry", props);
    this.subscriptionsTable = subscriptions
      ? expectTable("subscriptions", subscriptions)
      : this.#subscriptions(props.encryptionKey);
  }

  /** Lets a function call operations on tables, and adds the names of these tables to its environment. */
  grantAccess(fn: BundledFunction, access: TableAccess): void {
    const { statusTable, registryTable, subscriptionsTable } = this;
    const grantIndex = (name: string, actions: string[]) => {
      const resourceArns = [`${subscriptionsTable.tableArn}/index/${name}`];
      Grant.addToPrincipal({ grantee: fn, actions, resourceArns });
    };
    const grants: Record<keyof TableAccess, (actions: string[]) => void> = {
      status: (actions) => {
        statusTable.grant(fn, ...actions);
        fn.addEnvironment("STATUS_TABLE_NAME", statusTable.tableName);
      },
      registry: (actions) => {
        registryTable.grant(fn, ...actions);
        fn.addEnvironment("REGISTRY_TABLE_NAME", registryTable.tableName);
      },
      // The table's own grant would include its index.
      subscriptions: (actions) => {
        Grant.addToPrincipal({ grantee: fn, actions, resourceArns: [subscriptionsTable.tableArn] });
        fn.addEnvironment("SUBSCRIPTIONS_TABLE_NAME", subscriptionsTable.tableName);
      },
      subscriptionsByConnection: (actions) => grantIndex(SUBSCRIPTIONS_BY_CONNECTION, actions),
      subscriptionsByOwner: (actions) => grantIndex(SUBSCRIPTIONS_BY_OWNER, actions),
    };
    for (const table of Object.keys(access) as (keyof TableAccess)[]) {
      const operations: readonly Operation[] = access[table] ?? [];
      grants[table](operations.map((operation) => `dynamodb:${operation}`));
    }
  }

  /** Lets a principal use the keys that encrypt the tables. */
  grantKeys(grantee: IGrantable): void {
    const tables = [this.statusTable, this.registryTable, this.subscriptionsTable];
    const keys = new Set(tables.map(({ encryptionKey }) => encryptionKey));
    for (const key of keys) if (key) grantTableKey(key, grantee, "write");
  }

  #kept(
    id: string,
    name: "status" | "registry",
    { removalPolicy, encryptionKey }: StorageProps,
    { stream, capacity }: { stream?: StreamViewType; capacity?: Capacity | undefined } = {},
  ): ITable {
    const [partition, sort] = TABLE_KEYS[name];
    const table = new Table(this, id, {
      partitionKey: { name: partition, type: AttributeType.STRING },
      sortKey: { name: sort, type: AttributeType.STRING },
      ...(capacity
        ? {
            billingMode: BillingMode.PROVISIONED,
            readCapacity: capacity.minReadUnits,
            writeCapacity: capacity.minWriteUnits,
          }
        : { billingMode: BillingMode.PAY_PER_REQUEST }),
      timeToLiveAttribute: TTL_ATTRIBUTE,
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      removalPolicy,
      deletionProtection: removalPolicy === RemovalPolicy.RETAIN,
      ...(stream && { stream }),
      ...encryption(encryptionKey),
    });
    if (capacity) scale(table, capacity);
    return table as ITable;
  }

  #subscriptions(encryptionKey: IKey | undefined): ITable {
    const [partition, sort] = TABLE_KEYS.subscriptions;
    const table = new Table(this, "Subscriptions", {
      partitionKey: { name: partition, type: AttributeType.STRING },
      sortKey: { name: sort, type: AttributeType.STRING },
      billingMode: BillingMode.PAY_PER_REQUEST,
      timeToLiveAttribute: TTL_ATTRIBUTE,
      removalPolicy: RemovalPolicy.DESTROY,
      ...encryption(encryptionKey),
    });
    for (const [indexName, name] of Object.entries(SUBSCRIPTION_INDEXES)) {
      table.addGlobalSecondaryIndex({
        indexName,
        partitionKey: { name, type: AttributeType.STRING },
        projectionType: ProjectionType.KEYS_ONLY,
      });
    }
    return table as ITable;
  }
}

const encryption = (encryptionKey: IKey | undefined) =>
  encryptionKey && { encryption: TableEncryption.CUSTOMER_MANAGED, encryptionKey };

/**
 * AWS::DynamoDB::Table: created as in the template, without properties that only affect billing.
 */

import type { CreateTableCommandInput } from "@aws-sdk/client-dynamodb";
import { arnOf, nameOf } from "./identity";
import { kind } from "./kind";
import type { Properties, PropertyReader } from "./properties";

export interface TableDescription {
  name: string;
  input: CreateTableCommandInput;
  /** The TTL attribute, if TTL is enabled. */
  ttlAttribute?: string;
  /** The value of `Fn::GetAtt StreamArn`, if the table has a stream. */
  streamArn?: string;
}

export const tableKind = kind((identity) => {
  const ref = nameOf(identity, "TableName");
  const Arn = arnOf(identity, "dynamodb", `table/${ref}`);
  return {
    ref,
    Arn,
    ...(identity.properties.StreamSpecification !== undefined && {
      StreamArn: `${Arn}/stream/local`,
    }),
  };
});

/** Properties that are passed to `CreateTable` unchanged. */
const PASSED_ON = [
  "AttributeDefinitions",
  "KeySchema",
  "GlobalSecondaryIndexes",
  "LocalSecondaryIndexes",
];

export function describeTable(
  reader: PropertyReader,
  name: string,
  streamArn?: string,
): TableDescription {
  const ttl = reader.object("TimeToLiveSpecification");
  const stream = reader.object("StreamSpecification").optionalText("StreamViewType");
  const given = PASSED_ON.filter((property) => property in reader.properties);
  const passedOn: Properties = Object.fromEntries(
    given.map((property) => [property, reader.properties[property]]),
  );
  return {
    name,
    input: {
      ...(passedOn as unknown as CreateTableCommandInput),
      TableName: name,
      BillingMode: "PAY_PER_REQUEST",
      ...(stream && {
        StreamSpecification: {
          StreamEnabled: true,
          StreamViewType: stream as "NEW_AND_OLD_IMAGES",
        },
      }),
    },
    ...(ttl.flag("Enabled") && { ttlAttribute: ttl.text("AttributeName") }),
    ...(stream && streamArn && { streamArn }),
  };
}

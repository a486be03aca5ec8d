/** Resources that a deployment needs and the local runtime does without: they have names, and no effect. */

import { nameOf } from "./identity";
import type { Kind } from "./kind";

const INERT = [
  /^AWS::IAM::/,
  /^AWS::Logs::/,
  /^AWS::CDK::Metadata$/,
  /^AWS::CloudWatch::/,
  /^AWS::Lambda::Permission$/,
  /^AWS::ApiGatewayV2::Deployment$/,
  // The record of a custom domain: here the gateway answers for it.
  /^AWS::Route53::RecordSet$/,
  /^AWS::ApiGateway::Account$/,
  // What could not be delivered goes into a queue, which nobody reads here.
  /^AWS::SQS::Queue(Policy)?$/,
  /^AWS::SNS::Topic(Policy)?$/,
  /^AWS::KMS::(Key|Alias)$/,
  // The dashboard's hosting: the local gateway serves the page itself.
  /^AWS::S3::Bucket(Policy)?$/,
  /^AWS::CloudFront::/,
];

export const isInert = (type: string): boolean => INERT.some((pattern) => pattern.test(type));

export const ignoredKind: Kind = (identity) => {
  const ref = nameOf(identity, "Name");
  const arn = `arn:aws:local:${identity.region}:${identity.accountId}:${ref}`;
  return { ref, attribute: () => arn };
};

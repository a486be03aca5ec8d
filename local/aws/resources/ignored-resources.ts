/**
 * Resources that a deployment needs but the local runtime does not. They have names, but no effect.
 */

import { nameOf } from "./identity";
import type { Kind } from "./kind";

const IGNORED_RESOURCES = [
  /^AWS::IAM::/,
  /^AWS::Logs::/,
  /^AWS::CDK::Metadata$/,
  /^AWS::CloudWatch::/,
  // The local engine admits any load.
  /^AWS::ApplicationAutoScaling::/,
  /^AWS::Lambda::Permission$/,
  /^AWS::ApiGatewayV2::Deployment$/,
  // DNS record of a custom domain: locally the gateway serves it.
  /^AWS::Route53::RecordSet$/,
  /^AWS::ApiGateway::Account$/,
  // Queues of undelivered events, which the runtime prints instead.
  /^AWS::SQS::Queue(Policy)?$/,
  /^AWS::SNS::Topic(Policy)?$/,
  /^AWS::KMS::(Key|Alias)$/,
  // Hosting of the dashboard: locally the gateway serves the page.
  /^AWS::S3::Bucket(Policy)?$/,
  /^AWS::CloudFront::/,
];

export const isIgnored = (type: string): boolean =>
  IGNORED_RESOURCES.some((pattern) => pattern.test(type));

export const ignoredKind: Kind = (identity) => {
  const ref = nameOf(identity, "Name");
  const arn = `arn:aws:local:${identity.region}:${identity.accountId}:${ref}`;
  return { ref, attribute: () => arn };
};

/** The names that a template gives to what it deploys, and within what each has to be the only one. */

import type { ResolvedTemplate } from "./resolved-template";

type Scope = "account" | "region";

/** The name of a type's resources, by its path in their properties; none where each is named by AWS or within another. */
const NAMES: Readonly<Record<string, [path: string, scope: Scope] | undefined>> = {
  "AWS::ApiGateway::Account": undefined,
  "AWS::ApiGatewayV2::Api": undefined,
  "AWS::ApiGatewayV2::ApiMapping": undefined,
  "AWS::ApiGatewayV2::Authorizer": undefined,
  "AWS::ApiGatewayV2::Deployment": undefined,
  "AWS::ApiGatewayV2::DomainName": ["DomainName", "region"],
  "AWS::ApiGatewayV2::Integration": undefined,
  "AWS::ApiGatewayV2::Route": undefined,
  "AWS::ApiGatewayV2::RouteResponse": undefined,
  "AWS::ApiGatewayV2::Stage": undefined,
  "AWS::CloudFormation::Stack": undefined,
  "AWS::CloudFront::CachePolicy": ["CachePolicyConfig.Name", "account"],
  "AWS::CloudFront::Distribution": undefined,
  "AWS::CloudFront::Function": ["Name", "account"],
  "AWS::CloudFront::OriginAccessControl": ["OriginAccessControlConfig.Name", "account"],
  "AWS::CloudFront::ResponseHeadersPolicy": ["ResponseHeadersPolicyConfig.Name", "account"],
  "AWS::CloudWatch::Alarm": ["AlarmName", "region"],
  "AWS::CloudWatch::Dashboard": ["DashboardName", "account"],
  "AWS::DynamoDB::Table": ["TableName", "region"],
  "AWS::Events::EventBus": ["Name", "region"],
  "AWS::Events::Rule": ["Name", "region"],
  "AWS::IAM::Policy": undefined,
  "AWS::IAM::Role": ["RoleName", "account"],
  "AWS::KMS::Key": undefined,
  "AWS::Lambda::EventSourceMapping": undefined,
  "AWS::Lambda::Function": ["FunctionName", "region"],
  "AWS::Lambda::LayerVersion": ["LayerName", "region"],
  "AWS::Lambda::Permission": undefined,
  "AWS::Logs::LogGroup": ["LogGroupName", "region"],
  "AWS::Route53::RecordSet": ["Name", "account"],
  "AWS::S3::Bucket": ["BucketName", "account"],
  "AWS::S3::BucketPolicy": undefined,
  "AWS::SQS::Queue": ["QueueName", "region"],
  "AWS::SQS::QueuePolicy": undefined,
  "Custom::BucketFiles": undefined,
};

/**
 * Each name with the place in which it has to be the only one, as one text.
 *
 * @throws Error for a type of which it is not known how it is named
 */
export function physicalNames({ region, resources }: ResolvedTemplate): string[] {
  return resources.flatMap(({ id, type, properties }) => {
    if (!(type in NAMES)) throw new Error(`${id}: how is a ${type} named?`);
    const [path, scope] = NAMES[type] ?? [];
    if (!path) return [];
    const name = path
      .split(".")
      .reduce<unknown>((value, key) => (value as Record<string, unknown>)?.[key], properties);
    if (name === undefined) return [];
    const kind = properties.Type === undefined ? type : `${type} ${properties.Type}`;
    return [`${kind} ${scope === "region" ? `${region} ` : ""}${name}`];
  });
}

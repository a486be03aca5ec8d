/** The physical names in a template, and the scope in which each must be unique. */

import type { ResolvedTemplate } from "./resolved-template";

type Scope = "account" | "region";

/** The property with the name of a type's resources; none if AWS names them, or if the name belongs to another resource. */
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
  // A policy's name is unique within its target, which belongs to one table.
  "AWS::ApplicationAutoScaling::ScalableTarget": undefined,
  "AWS::ApplicationAutoScaling::ScalingPolicy": undefined,
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
  "AWS::Lambda::EventInvokeConfig": undefined,
  "AWS::Lambda::EventSourceMapping": undefined,
  "AWS::Lambda::Function": ["FunctionName", "region"],
  "AWS::Lambda::LayerVersion": ["LayerName", "region"],
  "AWS::Lambda::Permission": undefined,
  "AWS::Lambda::Url": undefined,
  "AWS::Logs::LogGroup": ["LogGroupName", "region"],
  "AWS::Route53::RecordSet": ["Name", "account"],
  "AWS::S3::Bucket": ["BucketName", "account"],
  "AWS::S3::BucketPolicy": undefined,
  "AWS::SQS::Queue": ["QueueName", "region"],
  "AWS::SQS::QueuePolicy": undefined,
  "Custom::BucketFiles": undefined,
};

/**
 * Each name with its scope, as one string.
 *
 * @throws Error for an unknown type
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

/** A custom domain of a CloudFront distribution: its certificate, TLS, and DNS records. */

import {
  type Distribution,
  type DistributionProps,
  SecurityPolicyProtocol,
} from "aws-cdk-lib/aws-cloudfront";
import { AaaaRecord, ARecord, RecordTarget } from "aws-cdk-lib/aws-route53";
import { CloudFrontTarget } from "aws-cdk-lib/aws-route53-targets";
import type { Construct } from "constructs";
import { type CustomDomainProps, expectDomain } from "./custom-domain";

/** CloudFront requires its certificates in this region. */
const CLOUDFRONT_REGION = "us-east-1";

/**
 * @param prop the prop's name, for errors
 * @throws Error if the name is not a host name, or the certificate is not in us-east-1
 */
export function cloudFrontDomain(
  prop: string,
  domain: CustomDomainProps,
): Pick<DistributionProps, "domainNames" | "certificate" | "minimumProtocolVersion"> {
  expectDomain(prop, domain, CLOUDFRONT_REGION);
  return {
    domainNames: [domain.domainName],
    certificate: domain.certificate,
    minimumProtocolVersion: SecurityPolicyProtocol.TLS_V1_2_2021,
  };
}

/** Creates the DNS records, if there is a zone for them. */
export function setRecords(
  scope: Construct,
  { domainName, hostedZone: zone }: CustomDomainProps,
  distribution: Distribution,
): void {
  if (!zone) return;
  const target = RecordTarget.fromAlias(new CloudFrontTarget(distribution));
  const record = { zone, recordName: `${domainName}.`, target };
  new ARecord(scope, "Record", record);
  new AaaaRecord(scope, "RecordV6", record);
}

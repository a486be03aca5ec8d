/** A custom domain of the HTTP endpoint: CloudFront in front of the function URL, which keeps nothing and passes everything on. */

import { Duration } from "aws-cdk-lib";
import {
  AllowedMethods,
  CachePolicy,
  Distribution,
  OriginProtocolPolicy,
  OriginRequestPolicy,
  ViewerProtocolPolicy,
} from "aws-cdk-lib/aws-cloudfront";
import { HttpOrigin } from "aws-cdk-lib/aws-cloudfront-origins";
import { Construct } from "constructs";
import { cloudFrontDomain, setRecords } from "./cloudfront-domain";
import type { CustomDomainProps } from "./custom-domain";

/**
 * The errors that CloudFront would keep for ten seconds, although caching is disabled
 * (https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/HTTPStatusCodes.html): a ping that comes again after a 503 must
 * reach the function.
 */
const ERRORS = [400, 403, 404, 405, 414, 416, 500, 501, 502, 503, 504];

export interface HttpDomainProps {
  readonly domain: CustomDomainProps;
  /** The host of the function URL. */
  readonly originHost: string;
}

export class HttpDomain extends Construct {
  /** Target of the domain's DNS record. */
  readonly target: string;

  /** @throws Error if the domain's name is not a host name, or its certificate is not in us-east-1 */
  constructor(scope: Construct, id: string, { domain, originHost }: HttpDomainProps) {
    super(scope, id);
    const distribution = new Distribution(this, "Distribution", {
      comment: "HTTP endpoint of Agent Heartbeat",
      ...cloudFrontDomain("httpDomain", domain),
      defaultBehavior: {
        // No origin access control: it replaces the header Authorization, in which the agents' tokens are, by a signature.
        origin: new HttpOrigin(originHost, { protocolPolicy: OriginProtocolPolicy.HTTPS_ONLY }),
        allowedMethods: AllowedMethods.ALLOW_ALL,
        cachePolicy: CachePolicy.CACHING_DISABLED,
        // Includes Authorization. A function URL answers to no other Host than its own.
        originRequestPolicy: OriginRequestPolicy.ALL_VIEWER_EXCEPT_HOST_HEADER,
        // Not redirected, so that secrets sent unencrypted do not go unnoticed.
        viewerProtocolPolicy: ViewerProtocolPolicy.HTTPS_ONLY,
      },
      errorResponses: ERRORS.map((httpStatus) => ({ httpStatus, ttl: Duration.seconds(0) })),
    });
    setRecords(this, domain, distribution);
    this.target = distribution.distributionDomainName;
  }
}

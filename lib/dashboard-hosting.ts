/** The dashboard's hosting: a private bucket behind CloudFront, with strict security headers. */

import { CustomResource, Duration, RemovalPolicy } from "aws-cdk-lib";
import {
  AllowedMethods,
  CachePolicy,
  Distribution,
  HeadersFrameOption,
  HeadersReferrerPolicy,
  ResponseHeadersPolicy,
  S3OriginAccessControl,
  ViewerProtocolPolicy,
} from "aws-cdk-lib/aws-cloudfront";
import { S3BucketOrigin } from "aws-cdk-lib/aws-cloudfront-origins";
import { PolicyStatement } from "aws-cdk-lib/aws-iam";
import { Code, LayerVersion } from "aws-cdk-lib/aws-lambda";
import { BlockPublicAccess, Bucket, BucketEncryption, type IBucket } from "aws-cdk-lib/aws-s3";
import { Construct } from "constructs";
import { dashboardPage } from "#assets";
import { accountWideName } from "./account-wide-name";
import { BundledFunction, type FunctionSettings } from "./bundled-function";
import { cloudFrontDomain, setRecords } from "./cloudfront-domain";
import type { CustomDomainProps } from "./custom-domain";

/** Includes the time until a new IAM role takes effect. */
const UPLOAD_TIMEOUT = Duration.minutes(10);

export interface DashboardProps {
  readonly functions: FunctionSettings;
  /** `wss://host`, the only origin that the page may connect to. */
  readonly webSocketOrigin: string;
  readonly domain: CustomDomainProps | undefined;
}

export class Dashboard extends Construct {
  /** The address of the page. */
  readonly url: string;
  /** Target of the domain's DNS record; undefined without a domain. */
  readonly domainTarget: string | undefined;

  /** @throws Error if the domain's name is not a host name, or its certificate is not in us-east-1 */
  constructor(scope: Construct, id: string, props: DashboardProps) {
    super(scope, id);
    const { functions, webSocketOrigin, domain } = props;
    const bucket: IBucket = new Bucket(this, "Page", {
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      encryption: BucketEncryption.S3_MANAGED,
      enforceSSL: true,
      // It contains no secrets and can be rebuilt.
      removalPolicy: RemovalPolicy.DESTROY,
    }) as IBucket;
    const origin = S3BucketOrigin.withOriginAccessControl(bucket, {
      originAccessControl: new S3OriginAccessControl(this, "OriginAccess", {
        originAccessControlName: accountWideName(this),
      }),
    });
    const behavior = {
      origin,
      viewerProtocolPolicy: ViewerProtocolPolicy.REDIRECT_TO_HTTPS,
      allowedMethods: AllowedMethods.ALLOW_GET_HEAD,
      responseHeadersPolicy: securityHeaders(this, webSocketOrigin),
      compress: true,
    };
    const distribution = new Distribution(this, "Distribution", {
      comment: "Dashboard of Agent Heartbeat",
      ...(domain && cloudFrontDomain("dashboardDomain", domain)),
      defaultRootObject: "index.html",
      // The names of all other files contain a hash of their content.
      defaultBehavior: { ...behavior, cachePolicy: CachePolicy.CACHING_DISABLED },
      additionalBehaviors: {
        "assets/*": { ...behavior, cachePolicy: CachePolicy.CACHING_OPTIMIZED },
      },
    });
    this.#upload(bucket, functions);
    if (domain) setRecords(this, domain, distribution);
    const { distributionDomainName } = distribution;
    this.url = `https://${domain?.domainName ?? distributionDomainName}/`;
    this.domainTarget = domain && distributionDomainName;
  }

  /**
   * Uploads the page to the bucket with a function that has it in a layer. CDK's `BucketDeployment` shares one function and
   * one role per stack, which fails if the app uses it too: see decision 27.
   */
  #upload(bucket: IBucket, settings: FunctionSettings): void {
    const page = new LayerVersion(this, "Files", {
      description: "The page of the dashboard",
      code: Code.fromAsset(dashboardPage(this)),
    });
    const upload = new BundledFunction(this, "Upload", {
      entry: "upload-page",
      description: "Puts the dashboard's page into its bucket",
      settings,
      timeout: UPLOAD_TIMEOUT,
    });
    upload.addLayers(page);
    const allow = (actions: string[], resource: string) =>
      upload.addToRolePolicy(new PolicyStatement({ actions, resources: [resource] }));
    allow(["s3:ListBucket"], bucket.bucketArn);
    allow(["s3:PutObject", "s3:DeleteObject"], bucket.arnForObjects("*"));
    new CustomResource(this, "Uploaded", {
      resourceType: "Custom::BucketFiles",
      serviceToken: upload.functionArn,
      serviceTimeout: UPLOAD_TIMEOUT,
      // A new page makes a new layer version, which updates this resource.
      properties: { BucketName: bucket.bucketName, Files: page.layerVersionArn },
    });
  }
}

function securityHeaders(scope: Construct, webSocketOrigin: string): ResponseHeadersPolicy {
  return new ResponseHeadersPolicy(scope, "Headers", {
    responseHeadersPolicyName: accountWideName(scope),
    comment: "Strict headers of the dashboard of Agent Heartbeat",
    securityHeadersBehavior: {
      contentSecurityPolicy: {
        contentSecurityPolicy: contentSecurityPolicy(webSocketOrigin),
        override: true,
      },
      contentTypeOptions: { override: true },
      frameOptions: { frameOption: HeadersFrameOption.DENY, override: true },
      referrerPolicy: { referrerPolicy: HeadersReferrerPolicy.NO_REFERRER, override: true },
      strictTransportSecurity: {
        accessControlMaxAge: Duration.days(365),
        includeSubdomains: true,
        override: true,
      },
    },
  });
}

/** The page's Content-Security-Policy: its own files and one WebSocket host. */
function contentSecurityPolicy(webSocketOrigin: string): string {
  return [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    // The page draws the icon of the tab; the style sheet contains the fonts.
    "img-src 'self' data:",
    "font-src 'self' data:",
    `connect-src ${webSocketOrigin}`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
  ].join("; ");
}

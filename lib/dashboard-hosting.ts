/** The dashboard's hosting: a private bucket behind CloudFront, which sends strict headers with it. */

import { CustomResource, Duration, RemovalPolicy } from "aws-cdk-lib";
import {
  AllowedMethods,
  CachePolicy,
  Distribution,
  HeadersFrameOption,
  HeadersReferrerPolicy,
  ResponseHeadersPolicy,
  S3OriginAccessControl,
  SecurityPolicyProtocol,
  ViewerProtocolPolicy,
} from "aws-cdk-lib/aws-cloudfront";
import { S3BucketOrigin } from "aws-cdk-lib/aws-cloudfront-origins";
import { PolicyStatement } from "aws-cdk-lib/aws-iam";
import { Code, LayerVersion } from "aws-cdk-lib/aws-lambda";
import { AaaaRecord, ARecord, RecordTarget } from "aws-cdk-lib/aws-route53";
import { CloudFrontTarget } from "aws-cdk-lib/aws-route53-targets";
import { BlockPublicAccess, Bucket, BucketEncryption, type IBucket } from "aws-cdk-lib/aws-s3";
import { Construct } from "constructs";
import { dashboardPage } from "#assets";
import { accountWideName } from "./account-wide-name";
import { BundledFunction, type FunctionSettings } from "./bundled-function";
import { type CustomDomainProps, expectDomain } from "./custom-domain";

/** Where CloudFront looks for certificates, wherever the stack is. */
const CLOUDFRONT_REGION = "us-east-1";

/** Room for the time that IAM takes to know a new role. */
const UPLOAD_TIMEOUT = Duration.minutes(10);

export interface DashboardProps {
  readonly functions: FunctionSettings;
  /** `wss://host`, the one origin that the page may connect to. */
  readonly webSocketOrigin: string;
  readonly domain: CustomDomainProps | undefined;
}

export class Dashboard extends Construct {
  /** Where the page is. It shows nothing without a sign-in. */
  readonly url: string;
  /** What a record of the domain's name has to point at; undefined without one. */
  readonly domainTarget: string | undefined;

  /** @throws Error if the domain's name is none of a host, or its certificate lies elsewhere than CloudFront looks */
  constructor(scope: Construct, id: string, props: DashboardProps) {
    super(scope, id);
    const { functions, webSocketOrigin, domain } = props;
    if (domain) expectDomain("dashboardDomain", domain, CLOUDFRONT_REGION);
    const bucket: IBucket = new Bucket(this, "Page", {
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      encryption: BucketEncryption.S3_MANAGED,
      enforceSSL: true,
      // Nothing in it is secret, and nothing can't be built anew.
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
      ...(domain && {
        domainNames: [domain.domainName],
        certificate: domain.certificate,
        minimumProtocolVersion: SecurityPolicyProtocol.TLS_V1_2_2021,
      }),
      defaultRootObject: "index.html",
      // The page names its files by their content: it alone has to be asked for again.
      defaultBehavior: { ...behavior, cachePolicy: CachePolicy.CACHING_DISABLED },
      additionalBehaviors: {
        "assets/*": { ...behavior, cachePolicy: CachePolicy.CACHING_OPTIMIZED },
      },
    });
    this.#upload(bucket, functions);
    if (domain) this.#setRecords(domain, distribution);
    const { distributionDomainName } = distribution;
    this.url = `https://${domain?.domainName ?? distributionDomainName}/`;
    this.domainTarget = domain && distributionDomainName;
  }

  #setRecords({ domainName, hostedZone: zone }: CustomDomainProps, page: Distribution): void {
    if (!zone) return;
    const target = RecordTarget.fromAlias(new CloudFrontTarget(page));
    const record = { zone, recordName: `${domainName}.`, target };
    new ARecord(this, "Record", record);
    new AaaaRecord(this, "RecordV6", record);
  }

  /**
   * Puts the page into the bucket by a function that has it in a layer. CDK's own deployment of a bucket is one
   * function for a whole stack, with the role that its first use has given it: another one in the app would fail,
   * or ours. And its policy names the files, so that a new page needs a new policy before it can be read.
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
      // A new page is a new layer, and so an update of this resource.
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

/** The page's Content-Security-Policy: files of its own, one WebSocket, and nothing else. */
function contentSecurityPolicy(webSocketOrigin: string): string {
  return [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    // The icon of the tab is drawn by the page; fonts lie in the style sheet.
    "img-src 'self' data:",
    "font-src 'self' data:",
    `connect-src ${webSocketOrigin}`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
  ].join("; ");
}

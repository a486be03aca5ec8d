/** A custom domain for the WebSocket API: its certificate, the mapping to the stage, and its DNS record. */

import { Stack, Token } from "aws-cdk-lib";
import { DomainName } from "aws-cdk-lib/aws-apigatewayv2";
import type { ICertificate } from "aws-cdk-lib/aws-certificatemanager";
import { ARecord, type IHostedZone, RecordTarget } from "aws-cdk-lib/aws-route53";
import { ApiGatewayv2DomainProperties } from "aws-cdk-lib/aws-route53-targets";
import { Construct } from "constructs";

/** A custom domain of the gateway, the HTTP endpoint or the dashboard. */
export interface CustomDomainProps {
  /**
   * Without scheme and path, for example `agents.example.com`: agents connect to `wss://agents.example.com`, or the HTTP
   * endpoint or the dashboard is at `https://agents.example.com`.
   */
  readonly domainName: string;

  /** Certificate for the name, in the stack's region; for the HTTP endpoint and the dashboard in us-east-1, as CloudFront requires. */
  readonly certificate: ICertificate;

  /**
   * Zone in which the construct creates the DNS record.
   *
   * @default - none: point a CNAME at the construct's `customDomainTarget`, `httpDomainTarget` or `dashboardDomainTarget`
   */
  readonly hostedZone?: IHostedZone | undefined;
}

const HOST = /^(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}$/;

export class CustomDomain extends Construct {
  /** The domain to which the stage is mapped. */
  readonly domain: DomainName;

  /** @throws Error if the name is not a host name, or the certificate is in another region */
  constructor(scope: Construct, id: string, props: CustomDomainProps) {
    super(scope, id);
    const { domainName, certificate, hostedZone } = props;
    expectDomain("customDomain", props, Stack.of(this).region);
    this.domain = new DomainName(this, "Name", { domainName, certificate });
    if (hostedZone) {
      const { regionalDomainName, regionalHostedZoneId } = this.domain;
      new ARecord(this, "Record", {
        zone: hostedZone,
        recordName: `${domainName}.`,
        target: RecordTarget.fromAlias(
          new ApiGatewayv2DomainProperties(regionalDomainName, regionalHostedZoneId),
        ),
      });
    }
  }
}

/** The URL that agents connect to. The mapping replaces the stage's path with an empty one. */
export const urlOf = ({ domainName }: CustomDomainProps): string => `wss://${domainName}`;

/**
 * @param prop the prop's name, for errors
 * @param region the region in which the certificate must be
 * @throws Error if the name is not a host name, or the certificate is in another region
 */
export function expectDomain(prop: string, domain: CustomDomainProps, region: string): void {
  expectHost(prop, domain.domainName);
  expectRegion(prop, domain.certificate, region);
}

function expectHost(prop: string, domainName: string): void {
  if (Token.isUnresolved(domainName) || HOST.test(domainName)) return;
  throw new Error(
    `${prop}.domainName: expected a host name in lower case such as agents.example.com, got ${domainName}`,
  );
}

function expectRegion(prop: string, { certificateArn }: ICertificate, region: string): void {
  if (Token.isUnresolved(certificateArn) || Token.isUnresolved(region)) return;
  const [, , , found] = certificateArn.split(":");
  if (found === region) return;
  throw new Error(
    `${prop}.certificate: expected a certificate in the region ${region}, got ${certificateArn}`,
  );
}

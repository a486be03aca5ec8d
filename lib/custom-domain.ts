/** A domain of one's own for the WebSocket API: its certificate, the mapping to the stage, and its record in DNS. */

import { Stack, Token } from "aws-cdk-lib";
import { DomainName } from "aws-cdk-lib/aws-apigatewayv2";
import type { ICertificate } from "aws-cdk-lib/aws-certificatemanager";
import { ARecord, type IHostedZone, RecordTarget } from "aws-cdk-lib/aws-route53";
import { ApiGatewayv2DomainProperties } from "aws-cdk-lib/aws-route53-targets";
import { Construct } from "constructs";

/** Under which name the gateway or the dashboard is reached. */
export interface CustomDomainProps {
  /**
   * Without scheme and path, as in `agents.example.com`: agents connect to `wss://agents.example.com`, or the page is
   * at `https://agents.example.com/`.
   */
  readonly domainName: string;

  /** Covers the name. It lies in the stack's region; that of the dashboard in us-east-1, where CloudFront looks. */
  readonly certificate: ICertificate;

  /**
   * Zone in which the construct creates the DNS record.
   *
   * @default - nowhere: point a CNAME at the construct's `customDomainTarget`, or `dashboardDomainTarget`
   */
  readonly hostedZone?: IHostedZone;
}

const HOST = /^(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}$/;

export class CustomDomain extends Construct {
  /** What a stage is mapped to. */
  readonly domain: DomainName;

  /** @throws Error if the name is none of a host, or the certificate lies in another region */
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

/** Where agents connect by the domain: the mapping has no path, and takes the stage's place. */
export const urlOf = ({ domainName }: CustomDomainProps): string => `wss://${domainName}`;

/**
 * @param prop names the domain in errors
 * @param region where its certificate has to lie
 * @throws Error if the name is none of a host, or the certificate lies in another region
 */
export function expectDomain(prop: string, domain: CustomDomainProps, region: string): void {
  expectHost(prop, domain.domainName);
  expectRegion(prop, domain.certificate, region);
}

function expectHost(prop: string, domainName: string): void {
  if (Token.isUnresolved(domainName) || HOST.test(domainName)) return;
  throw new Error(
    `${prop}.domainName: expected a host in lower case as in agents.example.com, got ${domainName}`,
  );
}

function expectRegion(prop: string, { certificateArn }: ICertificate, region: string): void {
  if (Token.isUnresolved(certificateArn) || Token.isUnresolved(region)) return;
  const [, , , found] = certificateArn.split(":");
  if (found === region) return;
  throw new Error(
    `${prop}.certificate: expected one of the region ${region}, got ${certificateArn}`,
  );
}

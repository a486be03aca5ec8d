/** The custom domain of the HTTP endpoint, in the template and in the local runtime. */

import { describe, expect, it } from "@jest/globals";
import { App, type Stack } from "aws-cdk-lib";
import { Template } from "aws-cdk-lib/assertions";
import { Certificate } from "aws-cdk-lib/aws-certificatemanager";
import { CachePolicy, OriginRequestPolicy } from "aws-cdk-lib/aws-cloudfront";
import { HostedZone } from "aws-cdk-lib/aws-route53";
import { AgentHeartbeatStack } from "../../lib/agent-heartbeat-stack";
import { readModel } from "../../local/aws/resources/model";
import { readAssembly } from "../../local/aws/template/assembly";
import { appProps } from "../../testing/cdk-context";
import { emptyStack, presenceIn } from "../../testing/stacks";

const DOMAIN = "agents-http.example.com";

const domain = (stack: Stack, region = "us-east-1") => ({
  domainName: DOMAIN,
  certificate: Certificate.fromCertificateArn(
    stack,
    "HttpCertificate",
    `arn:aws:acm:${region}:123456789012:certificate/1`,
  ),
});

const only = (template: Template, type: string) => {
  const [found, ...others] = Object.values(template.findResources(type));
  expect(others).toEqual([]);
  return found?.Properties;
};

describe("the domain of the HTTP endpoint", () => {
  it("passes every request on to the function URL, but its host, and keeps no answer", () => {
    const stack = emptyStack();
    presenceIn(stack, { http: true, httpDomain: domain(stack) });
    const { DistributionConfig: config } = only(
      Template.fromStack(stack),
      "AWS::CloudFront::Distribution",
    );
    expect(config).toMatchObject({
      Aliases: [DOMAIN],
      ViewerCertificate: { MinimumProtocolVersion: "TLSv1.2_2021", SslSupportMethod: "sni-only" },
      DefaultCacheBehavior: {
        AllowedMethods: expect.arrayContaining(["GET", "HEAD", "POST", "DELETE"]),
        CachePolicyId: CachePolicy.CACHING_DISABLED.cachePolicyId,
        OriginRequestPolicyId:
          OriginRequestPolicy.ALL_VIEWER_EXCEPT_HOST_HEADER.originRequestPolicyId,
        ViewerProtocolPolicy: "https-only",
      },
    });
    expect(config.CacheBehaviors).toBeUndefined();
    const [origin, ...others] = config.Origins;
    expect(others).toEqual([]);
    expect(JSON.stringify(origin.DomainName)).toMatch(/"\w*HttpEndpointUrl\w*","FunctionUrl"/);
    expect(origin).toMatchObject({ CustomOriginConfig: { OriginProtocolPolicy: "https-only" } });
    // It would replace the header Authorization.
    expect(origin.OriginAccessControlId).toBeUndefined();
    const kept = config.CustomErrorResponses.map(
      ({ ErrorCode, ErrorCachingMinTTL }: Record<string, number>) => [
        ErrorCode,
        ErrorCachingMinTTL,
      ],
    );
    expect(kept).toEqual(
      [400, 403, 404, 405, 414, 416, 500, 501, 502, 503, 504].map((status) => [status, 0]),
    );
  });

  it("is the URL of agents and of ping URLs, and the function accepts tokens for it", () => {
    const template = Template.fromStack(
      new AgentHeartbeatStack(new App(appProps()), "Whole", { httpDomain: domain(emptyStack()) }),
    );
    template.hasOutput("HttpUrl", { Value: `https://${DOMAIN}` });
    template.hasOutput("HttpDomainTarget", {});
    template.hasResourceProperties("AWS::Lambda::Function", {
      Environment: {
        Variables: { POWERTOOLS_SERVICE_NAME: "http", CUSTOM_HTTP_URL: `https://${DOMAIN}` },
      },
    });
    template.hasResourceProperties("AWS::Lambda::Url", { AuthType: "NONE" });
    template.resourceCountIs("AWS::Route53::RecordSet", 0);
  });

  it("gets DNS records if a hosted zone is given", () => {
    const stack = emptyStack();
    const hostedZone = HostedZone.fromHostedZoneAttributes(stack, "Zone", {
      hostedZoneId: "Z1",
      zoneName: "example.com",
    });
    const presence = presenceIn(stack, {
      http: true,
      httpDomain: { ...domain(stack), hostedZone },
    });
    expect(presence.httpUrl).toBe(`https://${DOMAIN}`);
    for (const Type of ["A", "AAAA"]) {
      Template.fromStack(stack).hasResourceProperties("AWS::Route53::RecordSet", {
        Name: `${DOMAIN}.`,
        Type,
      });
    }
  });

  it("is left out without the prop, and nothing stands in for STS", () => {
    const template = Template.fromStack(new AgentHeartbeatStack(new App(appProps()), "Plain"));
    const text = JSON.stringify(template.toJSON());
    expect(text).toContain("POWERTOOLS_SERVICE_NAME");
    expect(text).not.toContain("CUSTOM_HTTP_URL");
    expect(text).not.toContain("AWS_ENDPOINT_URL");
    expect(text).not.toContain("HttpDomainTarget");
  });

  it.each<[string, (stack: Stack) => object, string]>([
    [
      "without the endpoint",
      (stack) => ({ http: false, httpDomain: domain(stack) }),
      "httpDomain: expected none, because `http` is false",
    ],
    [
      "if its certificate is not in us-east-1",
      (stack) => ({ http: true, httpDomain: domain(stack, "eu-west-1") }),
      "httpDomain.certificate: expected a certificate in the region us-east-1",
    ],
    [
      "if it is no host name",
      (stack) => ({ http: true, httpDomain: { ...domain(stack), domainName: "https://a.b" } }),
      "httpDomain.domainName: expected a host name in lower case",
    ],
    [
      "with an unknown setting",
      (stack) => ({ http: true, httpDomain: { ...domain(stack), zone: 1 } }),
      "httpDomain.zone",
    ],
  ])("is refused %s", (_, props, message) => {
    const stack = emptyStack();
    expect(() => presenceIn(stack, props(stack))).toThrow(message);
  });

  it("is the local address of the function URL on this machine", () => {
    const app = new App(appProps());
    new AgentHeartbeatStack(app, "Local", { httpDomain: domain(emptyStack()) });
    const assembly = readAssembly(app.synth().directory, "Local");
    const [urlId = ""] = Object.entries(assembly.template.Resources).flatMap(([id, { Type }]) =>
      Type === "AWS::Lambda::Url" ? [id] : [],
    );
    const model = readModel(assembly, {
      region: "us-east-1",
      accountId: "000000000000",
      stackName: "Local",
      gatewayHost: "127.0.0.1:1",
      functionUrlHosts: new Map([[urlId, "127.0.0.1:2"]]),
    });
    expect(model.outputs.HttpUrl).toBe("http://127.0.0.1:2");
    const http = model.functions.find(({ environment }) => environment.CUSTOM_HTTP_URL);
    expect(http?.environment.CUSTOM_HTTP_URL).toBe("http://127.0.0.1:2");
  });
});

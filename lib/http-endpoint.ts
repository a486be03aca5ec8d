/** The HTTP endpoint: a function URL for heartbeats without a WebSocket, behind a custom domain if there is one. */

import { Fn } from "aws-cdk-lib";
import { CfnPermission, CfnUrl } from "aws-cdk-lib/aws-lambda";
import { Construct } from "constructs";
import { BundledFunction, type FunctionSettings } from "./bundled-function";
import { leaseEnvironment, termsEnvironment } from "./gateway-functions";
import { HttpDomain } from "./http-domain";
import type { Settings } from "./settings";
import type { Storage } from "./storage";

export interface HttpEndpointProps {
  readonly settings: Settings;
  readonly functions: FunctionSettings;
  readonly storage: Storage;
}

export class HttpEndpoint extends Construct {
  /** `https://<id>.lambda-url.<region>.on.aws`, without a slash at the end, or the custom domain. */
  readonly url: string;
  /** Target of the custom domain's DNS record; undefined without a domain. */
  readonly domainTarget: string | undefined;
  readonly function: BundledFunction;

  constructor(scope: Construct, id: string, { settings, functions, storage }: HttpEndpointProps) {
    super(scope, id);
    const { httpDomain } = settings;
    const customUrl = httpDomain && `https://${httpDomain.domainName}`;
    const http = new BundledFunction(this, "Http", {
      entry: "http",
      description:
        "Renews and releases leases over HTTP, and registers agents that have an enrolment",
      settings: functions,
      environment: {
        ...leaseEnvironment(settings),
        ...termsEnvironment(settings),
        ...(customUrl && { CUSTOM_HTTP_URL: customUrl }),
      },
    });
    storage.grantAccess(http, {
      status: ["GetItem", "UpdateItem"],
      registry: ["GetItem", "PutItem", "UpdateItem"],
    });
    // Requests carry a token, or a secret: Lambda itself checks nothing.
    const url = new CfnUrl(this, "Url", {
      authType: "NONE",
      targetFunctionArn: http.functionArn,
    });
    // Anyone may call the URL, but the function in no other way. Lambda requires both
    // (https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html).
    const everybody = { principal: "*", functionName: http.functionName };
    new CfnPermission(this, "InvokeUrl", {
      ...everybody,
      action: "lambda:InvokeFunctionUrl",
      functionUrlAuthType: "NONE",
    });
    new CfnPermission(this, "InvokeByUrl", {
      ...everybody,
      action: "lambda:InvokeFunction",
      invokedViaFunctionUrl: true,
    });
    const parts = Fn.split("/", url.attrFunctionUrl);
    const originHost = Fn.select(2, parts);
    this.url = customUrl ?? Fn.join("//", [Fn.select(0, parts), originHost]);
    this.domainTarget =
      httpDomain && new HttpDomain(this, "Domain", { domain: httpDomain, originHost }).target;
    this.function = http;
  }
}

/** One deployment of the WebSocket API per version, created after all of its routes. */

import { createHash } from "node:crypto";
import { CfnResource, Lazy, Stack } from "aws-cdk-lib";
import { CfnDeployment, type WebSocketApi } from "aws-cdk-lib/aws-apigatewayv2";
import type { Construct } from "constructs";

/** Length of the digest that distinguishes versions, in characters. */
const DIGEST = 16;

/**
 * A snapshot of an API's routes, replaced by each new version: see decision 26. CloudFormation creates it after all changes of
 * an update, points the stage at it, and points the stage back if the update fails.
 */
export class GatewayDeployment extends CfnDeployment {
  readonly #api: WebSocketApi;

  constructor(scope: Construct, id: string, api: WebSocketApi) {
    super(scope, id, { apiId: api.apiId });
    this.#api = api;
    const base = Stack.of(this).getLogicalId(this);
    this.overrideLogicalId(Lazy.uncachedString({ produce: () => `${base}${this.#digest()}` }));
    this.node.addDependency(api);
  }

  /** A digest of all deployed resources in the template. */
  #digest(): string {
    const stack = Stack.of(this);
    const parts = this.#api.node
      .findAll()
      .filter(CfnResource.isCfnResource)
      .filter(({ cfnResourceType }) => cfnResourceType.startsWith("AWS::ApiGatewayV2::"))
      .map((resource) => stack.resolve(resource._toCloudFormation()));
    return createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, DIGEST);
  }
}

/** One deployment of the WebSocket API for each of its versions, made once all of it is there. */

import { createHash } from "node:crypto";
import { CfnResource, Lazy, Stack } from "aws-cdk-lib";
import { CfnDeployment, type WebSocketApi } from "aws-cdk-lib/aws-apigatewayv2";
import type { Construct } from "constructs";

/** Length of the digest that distinguishes versions, in characters. */
const DIGEST = 16;

/**
 * A snapshot of an API's routes, as a resource that another version replaces. A stage that deploys by itself would do
 * so at each of the changes of an update, many at once, and show what is half done; CloudFormation makes this one
 * after all of them, points the stage at it, and points it back if the update fails.
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

  /** What all that is deployed says in the template. */
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

/** Custom::BucketFiles: the files of a web page in a layer, and the headers that CloudFront sends with them. */

import type { Template } from "../template/template";
import { ignoredKind } from "./ignored-resources";
import type { PropertyReader } from "./properties";

export interface PageDescription {
  /** The directory of the files. */
  directory: string;
  /** Headers sent with every file. */
  headers: Record<string, string>;
}

export const pageKind = ignoredKind;

/** The resources that define a page. */
export interface PageParts {
  /** Each uploads a layer's files to a bucket. */
  files: PropertyReader[];
  /** By their ARN. */
  layers: ReadonlyMap<string, PropertyReader>;
  headerPolicies: PropertyReader[];
}

/** The page of a template, or undefined if it has none. */
export function describePage(
  { files: [files], layers, headerPolicies: [policy] }: PageParts,
  assetDirectory: (objectKey: string) => string,
): PageDescription | undefined {
  if (!files) return undefined;
  const arn = files.text("Files");
  const layer = layers.get(arn) ?? files.fail("Files", "a layer of this template", arn);
  return {
    directory: assetDirectory(layer.object("Content").text("S3Key")),
    headers: policy ? headersOf(policy) : {},
  };
}

/**
 * The policy's headers, without the one that requires HTTPS, which the local runtime does not use.
 */
function headersOf(policy: PropertyReader): Record<string, string> {
  const security = policy.object("ResponseHeadersPolicyConfig").object("SecurityHeadersConfig");
  const header = (name: string, value: string | undefined) => (value ? { [name]: value } : {});
  const options = "ContentTypeOptions" in security.properties ? "nosniff" : undefined;
  const csp = security.object("ContentSecurityPolicy").optionalText("ContentSecurityPolicy");
  const frames = security.object("FrameOptions").optionalText("FrameOption");
  const referrer = security.object("ReferrerPolicy").optionalText("ReferrerPolicy");
  return {
    ...header("Content-Security-Policy", csp),
    ...header("X-Content-Type-Options", options),
    ...header("X-Frame-Options", frames),
    ...header("Referrer-Policy", referrer),
  };
}

/** Logical ids of functions that only custom resources call during deployment. */
export function deploymentFunctions({ Resources }: Template): Set<string> {
  const tokens = Object.values(Resources)
    .filter(({ Type }) => Type.startsWith("Custom::"))
    .map(({ Properties }) => Properties?.ServiceToken as { "Fn::GetAtt"?: string[] } | undefined);
  return new Set(tokens.flatMap((token) => token?.["Fn::GetAtt"]?.[0] ?? []));
}

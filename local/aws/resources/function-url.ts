/** AWS::Lambda::Url. */

import type { Template } from "../template/template";
import { shortIdOf } from "./identity";
import { kind } from "./kind";
import type { PropertyReader } from "./properties";

const TYPE = "AWS::Lambda::Url";

export interface FunctionUrlDescription {
  logicalId: string;
  functionArn: string;
  /** The first label of the host's name. */
  urlId: string;
}

export const functionUrlKind = kind((identity) => {
  const ref = shortIdOf(identity);
  return {
    ref,
    FunctionArn: ref,
    FunctionUrl: `https://${ref}.lambda-url.${identity.region}.on.aws/`,
  };
});

/** @throws LocalRuntimeError if it is not one that everybody can call, and that answers at once */
export function describeFunctionUrl(reader: PropertyReader, urlId: string): FunctionUrlDescription {
  reader.oneOf("AuthType", ["NONE"]);
  reader.oneOf("InvokeMode", ["BUFFERED"], "BUFFERED");
  if (reader.properties.Cors !== undefined) {
    reader.fail("Cors", "none, which is not supported", reader.properties.Cors);
  }
  return { logicalId: reader.logicalId, functionArn: reader.text("TargetFunctionArn"), urlId };
}

/** Names of CloudFront distributions in front of function URLs, with the URLs' logical ids. */
export const functionUrlAliases = ({ Resources }: Template): [string, string][] =>
  Object.values(Resources).flatMap(({ Type, Properties }) => {
    if (Type !== "AWS::CloudFront::Distribution") return [];
    const { Aliases = [], Origins } = (Properties?.DistributionConfig ?? {}) as {
      Aliases?: string[];
      Origins?: unknown;
    };
    const [, logicalId] =
      /"Fn::GetAtt":\["(\w+)","FunctionUrl"\]/.exec(JSON.stringify(Origins) ?? "") ?? [];
    return logicalId === undefined
      ? []
      : Aliases.map((name): [string, string] => [String(name), logicalId]);
  });

/** The logical ids of all function URLs. */
export const functionUrlsIn = ({ Resources }: Template): string[] =>
  Object.entries(Resources).flatMap(([logicalId, { Type }]) => (Type === TYPE ? [logicalId] : []));

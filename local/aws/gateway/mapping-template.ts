/**
 * Runs the mapping templates of an integration, with the variables that a WebSocket API gives them.
 *
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-mapping-template-reference.html
 */

import { JSONPath } from "jsonpath-plus";
import { Compile, parse } from "velocityjs";
import { LocalRuntimeError } from "../errors";
import { javaMethods } from "./java-methods";

/** What a template can see. */
export interface TemplateScope {
  /** The payload: of the client's message, or of the service's answer. */
  body: string;
  /** `$context`. */
  context: object;
}

/** @throws Error if the template calls a method in a way that Java would refuse */
export type MappingTemplate = (scope: TemplateScope) => string;

/** @throws LocalRuntimeError if the text is not a template */
export function mappingTemplate(text: string): MappingTemplate {
  let template: ReturnType<typeof parse>;
  try {
    template = parse(text);
  } catch (cause) {
    const [problem] = (cause as Error).message.split("\n");
    throw new LocalRuntimeError(`A mapping template can't be read: ${problem}`, { cause });
  }
  return ({ body, context }) => {
    const variables = { input: inputOf(body), util, context, stageVariables: {} };
    return new Compile(template, { customMethodHandlers: javaMethods }).render(variables);
  };
}

function inputOf(body: string) {
  let json: unknown;
  let parsed = false;
  const path = (expression: string): unknown => {
    if (!parsed) json = parseJson(body);
    parsed = true;
    const found = JSONPath({ path: expression, json: json as object, wrap: false, eval: false });
    return found === undefined ? "" : found;
  };
  return { body, path, json: (expression: string) => JSON.stringify(path(expression)) };
}

const util = {
  escapeJavaScript,
  parseJson,
  urlEncode: (text: string) => encodeURIComponent(text).replace(/%20/g, "+"),
  urlDecode: (text: string) => decodeURIComponent(text.replace(/\+/g, " ")),
  base64Encode: (text: string) => Buffer.from(text).toString("base64"),
  base64Decode: (text: string) => Buffer.from(text, "base64").toString(),
};

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}

/** As the Apache Commons do it, by whose rules API Gateway escapes: also what is not ASCII, and single quotes. */
function escapeJavaScript(value: unknown): string {
  return JSON.stringify(String(value))
    .slice(1, -1)
    .replace(/['/]/g, "\\$&")
    .replace(
      /[^\x20-\x7e]/g,
      (character) => `\\u${character.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}`,
    );
}

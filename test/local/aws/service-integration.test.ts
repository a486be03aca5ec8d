import { describe, expect, it } from "@jest/globals";
import { mappingTemplate } from "../../../local/aws/gateway/mapping-template";
import type { ServiceCall } from "../../../local/aws/gateway/service-integration";
import { PropertyReader } from "../../../local/aws/resources/properties";
import { describeApi } from "../../../local/aws/resources/web-socket-api";
import { startGateway } from "../../../testing/local-gateway";

describe("a mapping template", () => {
  const render = (template: string, body: unknown = {}, context: object = {}) =>
    mappingTemplate(template)({
      body: typeof body === "string" ? body : JSON.stringify(body),
      context,
    });

  // The examples of
  // https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-mapping-template-reference.html
  it.each<[string, string, unknown, string]>([
    ["the payload as it is", "$input.body", "a b", "a b"],
    ["a part as JSON", "$input.json('$.a')", { a: { b: ["c"] } }, '{"b":["c"]}'],
    ["a text as JSON", "$input.json('$.a')", { a: 'b"' }, '"b\\""'],
    ["nothing where there is nothing", "[$input.path('$.b')]$input.json('$.b')", {}, '[]""'],
    ["a part as a value", "$input.path('$.pets').size()", { pets: [1, 2, 3] }, "3"],
    [
      "JSON within a text",
      "#set($o = $util.parseJson($input.path('$.errorMessage')))$o.key2.arr[0]",
      { errorMessage: '{"key1":"var1","key2":{"arr":[1,2,3]}}' },
      "1",
    ],
    [
      "escaped text",
      "$util.escapeJavaScript($input.path('$.a'))",
      { a: `'"/é\n` },
      `\\'\\"\\/\\u00E9\\n`,
    ],
    [
      "escaped text as JSON takes it",
      `$util.escapeJavaScript($input.path('$.a')).replaceAll("\\\\'", "'")`,
      { a: `it's` },
      "it's",
    ],
    ["text in a URL", "$util.urlEncode('a b&c') $util.urlDecode('a+b')", {}, "a+b%26c a b"],
    ["text in base64", "$util.base64Encode('a') $util.base64Decode('YQ==')", {}, "YQ== a"],
  ])("gives %s", (_, template, body, expected) => {
    expect(render(template, body)).toBe(expected);
  });

  it("knows the context, whose values from the authorizer are texts", () => {
    const context = { connectionId: "A=", requestTimeEpoch: 7, authorizer: { paid: "true" } };
    expect(render("$context.connectionId $context.authorizer.paid", {}, context)).toBe("A= true");
    expect(render("#set($ttl = $context.requestTimeEpoch + 86400)$ttl", {}, context)).toBe("86407");
  });

  it.each([
    ["#set($long = 9999999999)$long.parseLong('17')", "17"],
    ["#set($text = 'abc')$text.length() $text.contains('b') $text.matches('b')", "3 true false"],
    ["#if($input.path('$').containsKey('toString'))yes#{else}no#end", "no"],
    ["$context.nothing.at.all", "$context.nothing.at.all"],
  ])("calls methods as Java has them: %s", (template, expected) => {
    expect(render(template)).toBe(expected);
  });

  it("fails as Java does for a number that is none", () => {
    expect(() => render("#set($n = 1)$n.parseInt('x')")).toThrow('For input string: "x"');
  });

  it("is refused if it can't be read", () => {
    expect(() => mappingTemplate("#if(")).toThrow("A mapping template can't be read");
  });
});

describe("a route of an AWS service", () => {
  const route = (responseTemplate?: string) => ({
    key: "put",
    returnsResponse: true,
    integration: {
      kind: "service" as const,
      service: "dynamodb",
      action: "PutItem",
      requestTemplate: `{"id":$input.json('$.id'),"at":$context.requestTimeEpoch}`,
      ...(responseTemplate !== undefined && { responseTemplate }),
      timeoutMs: 29_000,
    },
  });
  const ask = async (callService: ServiceCall, responseTemplate?: string) => {
    const gateway = await startGateway({}, { extraRoutes: [route(responseTemplate)], callService });
    const client = await gateway.open();
    client.socket.send('{"type":"put","id":"x"}');
    const reply = await client.next();
    await gateway.stop();
    return { reply, problems: gateway.problems, now: gateway.clock.now() };
  };

  it("sends what its template makes, and answers with what comes", async () => {
    const calls: string[][] = [];
    const { reply, now } = await ask(async (...call) => {
      calls.push(call);
      return { status: 200, body: '{"ok":true}' };
    });
    expect(calls).toEqual([["dynamodb", "PutItem", `{"id":"x","at":${now}}`]]);
    expect(reply).toEqual({ ok: true });
  });

  it("puts every answer through its response template, an error too", async () => {
    const { reply } = await ask(
      async () => ({ status: 400, body: '{"__type":"a#Refused"}' }),
      "{\"why\":$input.json('$.__type')}",
    );
    expect(reply).toEqual({ why: "a#Refused" });
  });

  it("is answered with an internal error if the service can't be reached", async () => {
    const { reply, problems } = await ask(async () => {
      throw new Error("no engine");
    });
    expect(reply).toMatchObject({ message: "Internal server error" });
    expect(problems).toEqual(["The route put failed: no engine"]);
  });
});

describe("a template's integration", () => {
  const reader = (properties: object) => new PropertyReader("It", properties as never);
  const GOOD = {
    IntegrationType: "AWS",
    IntegrationMethod: "POST",
    IntegrationUri: "arn:aws:apigateway:us-east-1:dynamodb:action/UpdateItem",
    TemplateSelectionExpression: "\\$default",
    RequestTemplates: { $default: "{}" },
  };
  const describe = (integration: object, ...responses: object[]) =>
    describeApi(
      reader({ ProtocolType: "WEBSOCKET", RouteSelectionExpression: "$request.body.type" }),
      "api",
      {
        mappings: [],
        stages: [reader({ ApiId: "api", StageName: "prod" })],
        routes: new Map([
          ["r", reader({ ApiId: "api", RouteKey: "put", Target: "integrations/i" })],
        ]),
        integrations: new Map([["i", reader({ ...GOOD, ...integration })]]),
        integrationResponses: responses.map((one) => reader({ IntegrationId: "i", ...one })),
        authorizers: new Map(),
        routeResponses: [],
      },
    ).routes.get("put")?.integration;

  it("is read with its templates", () => {
    const response = {
      IntegrationResponseKey: "$default",
      TemplateSelectionExpression: "\\$default",
      ResponseTemplates: { $default: "x" },
    };
    expect(describe({}, response)).toEqual({
      kind: "service",
      service: "dynamodb",
      action: "UpdateItem",
      requestTemplate: "{}",
      responseTemplate: "x",
      timeoutMs: 29_000,
    });
  });

  it.each([
    [
      { IntegrationUri: "arn:aws:apigateway:us-east-1:sqs:path/1/queue" },
      [],
      "IntegrationUri: expected the URI of an action of dynamodb",
    ],
    [{ IntegrationType: "MOCK" }, [], 'IntegrationType: expected AWS_PROXY or AWS, got "MOCK"'],
    [
      { TemplateSelectionExpression: "$request.body.ack" },
      [],
      "TemplateSelectionExpression: expected \\$default",
    ],
    [{ RequestTemplates: {} }, [], "RequestTemplates.$default: expected a text, got none"],
    [
      {},
      [{ IntegrationResponseKey: "/4\\d\\d/" }],
      "IntegrationResponseKey: expected $default, got",
    ],
  ])("is refused if it asks for what is not supported: %j", (integration, responses, problem) => {
    expect(() => describe(integration, ...responses)).toThrow(problem);
  });
});

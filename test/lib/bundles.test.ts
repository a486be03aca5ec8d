/** The contents and sizes of the functions' bundles. The size determines the duration of a cold start. */

import { beforeAll, describe, expect, it } from "@jest/globals";
import { functionNames } from "../../lambda/build";
import { type Bundle, bundles as build } from "../../testing/bundles";

/** The AWS SDK's clients, by their names in the sets below. */
const CLIENT = {
  table: "@aws-sdk/client-dynamodb",
  connections: "@aws-sdk/client-apigatewaymanagementapi",
  events: "@aws-sdk/client-eventbridge",
  bucket: "@aws-sdk/client-s3",
} as const;

interface Allowance {
  clients: (keyof typeof CLIENT)[];
  /** In kilobytes of 1,000 bytes: the current size with a small margin. */
  budget: number;
}

const ALLOWED: Readonly<Record<string, Allowance>> = {
  authorize: { clients: ["table"], budget: 255 },
  connect: { clients: ["table"], budget: 230 },
  deliver: { clients: ["table", "connections"], budget: 280 },
  disconnect: { clients: ["table"], budget: 235 },
  fallback: { clients: ["connections"], budget: 220 },
  heartbeat: { clients: ["table", "connections"], budget: 275 },
  history: { clients: ["table", "connections"], budget: 280 },
  http: { clients: ["table"], budget: 325 },
  list: { clients: ["table", "connections"], budget: 290 },
  profile: { clients: ["table", "connections"], budget: 280 },
  publish: { clients: ["table", "connections"], budget: 285 },
  subscribe: { clients: ["table", "connections"], budget: 280 },
  sweep: { clients: ["table", "connections", "events"], budget: 300 },
  transitions: { clients: ["table", "connections", "events"], budget: 295 },
  unsubscribe: { clients: ["table", "connections"], budget: 275 },
  "upload-page": { clients: ["bucket"], budget: 330 },
};

describe("the bundles", () => {
  let bundles: Bundle[];
  beforeAll(() => {
    bundles = build();
  });

  const each = (look: (bundle: Bundle, allowance: Allowance) => unknown) =>
    bundles.map((bundle) => {
      const allowance = ALLOWED[bundle.entry];
      if (!allowance) throw new Error(`${bundle.entry} has no allowance`);
      return [bundle.entry, look(bundle, allowance)];
    });
  const names = (bundle: Bundle) => [...bundle.packages.keys()];

  it("are of the known functions", () => {
    expect(functionNames()).toEqual(Object.keys(ALLOWED));
  });

  it("contain only the functions, what they share with the stack, and the SDK", () => {
    const foreign = each(({ own }) =>
      own.filter((file) => !/^(core|lambda|sdk\/src)\//.test(file)),
    );
    expect(foreign.filter(([, files]) => (files as string[]).length > 0)).toEqual([]);
  });

  it("contain the AWS clients that the function calls, and no others", () => {
    const found = each((bundle) => names(bundle).filter((name) => name.includes("/client-")));
    const expected = each((_, { clients }) => clients.map((name) => CLIENT[name]));
    const sorted = (list: unknown[]) =>
      list.map((item) => {
        const [entry, clients] = item as [string, string[]];
        return [entry, [...clients].sort()];
      });
    expect(sorted(found)).toEqual(sorted(expected));
  });

  it("contain only the credential provider that reads Lambda's environment", () => {
    const providers = bundles.flatMap(names).filter((name) => name.includes("credential-provider"));
    expect([...new Set(providers)]).toEqual(["@aws-sdk/credential-provider-env"]);
  });

  it("contain nothing that only browsers need", () => {
    expect(bundles.flatMap(names)).not.toContain("bowser");
  });

  it("stay within their budgets", () => {
    const over = each(({ bytes }, { budget }) => bytes > budget * 1000 && `${bytes} bytes`);
    expect(over.filter(([, bytes]) => bytes)).toEqual([]);
  });
});

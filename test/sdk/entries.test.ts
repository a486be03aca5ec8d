import { describe, expect, it } from "@jest/globals";
import { EntryTypes } from "../../testing/entry-types";

const ENTRIES = [
  "sdk/src/node.ts",
  "sdk/src/browser.ts",
  "sdk/src/fleet/browser.ts",
  "sdk/src/protocol.ts",
  "sdk/src/status/index.ts",
  "sdk/src/registry/index.ts",
  "sdk/src/testing/index.ts",
  "sdk/src/opentelemetry.ts",
  "lib/index.ts",
];
const FIXTURE = "test/sdk/fixtures/incomplete-entry.ts";
const types = new EntryTypes([...ENTRIES, FIXTURE]);

describe.each(ENTRIES)("the entry %s", (file) => {
  it("exports every type that its signatures name", () => {
    expect(types.unexported(file)).toEqual([]);
  });

  it("has options that may be undefined, also under exactOptionalPropertyTypes", () => {
    expect(types.withoutUndefined(file)).toEqual([]);
  });
});

describe("the check of an entry", () => {
  it("finds types that are not exported, and options that may not be undefined", () => {
    expect(types.unexported(FIXTURE)).toEqual([
      "Client.ask names Question",
      "ClientOptions names Hidden",
    ]);
    expect(types.withoutUndefined(FIXTURE)).toEqual(["ClientOptions.hidden"]);
  });
});

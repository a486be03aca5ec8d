/** Checks that the examples of docs/events.md fit their schemas, and that its rules match what they say they do. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { parsePattern } from "../../local/aws/events/pattern";
import { eventFault } from "../../testing/event-schemas";
import { EVENT_EXAMPLES } from "../../tools/docs/event-examples";

const PAGE = readFileSync(join(__dirname, "../../docs/events.md"), "utf8");
const examples = Object.entries(EVENT_EXAMPLES);

describe("the events of docs/events.md", () => {
  it.each(examples)("have an example that fits the schema: %s", (_, example) => {
    expect(eventFault(example)).toBeUndefined();
  });

  it("do not fit the schema of another event, nor without a field", () => {
    const { "Agent Online": online, "Agent Offline": offline } = EVENT_EXAMPLES;
    expect(eventFault({ ...online, detail: offline.detail } as never)).toContain("detail");
    const { agentId: _, ...detail } = online.detail;
    expect(eventFault({ ...online, detail } as never)).toContain("agentId");
    expect(eventFault({ ...online, detail: { ...online.detail, later: 1 } } as never)).toBe(
      undefined,
    );
  });
});

const rules = [...PAGE.matchAll(/<!-- matches: ?(.*?) ?-->\n```json\n([\s\S]*?)```/g)];

describe("the rules of docs/events.md", () => {
  it("are three or more", () => {
    expect(rules.length).toBeGreaterThanOrEqual(3);
  });

  it.each(rules.map(([, names = "", text = ""]) => [names, text]))(
    "match, of the examples, %s",
    (names, text) => {
      const matches = parsePattern(JSON.parse(text));
      const matched = examples.filter(([, example]) => matches(example)).map(([name]) => name);
      expect(matched.join(", ")).toBe(names);
    },
  );
});

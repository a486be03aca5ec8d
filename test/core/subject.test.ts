import { HeartbeatAgent, matchesSubject, SubjectError } from "@agent-heartbeat/sdk";
import { describe, expect, it } from "@jest/globals";
import * as fc from "fast-check";
import { TEST_KEY } from "../../testing/keys";

describe("matchesSubject", () => {
  it.each([
    ["team.updates", "team.updates", true],
    ["team.updates", "team.updates2", false],
    ["team.updates", "team.updates.x", false],
    ["team.*", "team.updates", true],
    ["team.*", "team", false],
    ["team.*", "team.updates.x", false],
    ["*.updates", "team.updates", true],
    ["team.>", "team.updates", true],
    ["team.>", "team.updates.x", true],
    ["team.>", "team", false],
    [">", "team", true],
    ["team.*.>", "team.updates", false],
    ["team.*.>", "team.updates.x", true],
  ])("%s and %s: %p", (pattern, subject, matches) => {
    expect(matchesSubject(pattern, subject)).toBe(matches);
  });

  it("holds for a subject and itself, with any tokens replaced by *, and with any tail by >", () => {
    const token = fc.stringMatching(/^[A-Za-z0-9_@:/+=%~-]{1,5}$/);
    const subjects = fc.array(fc.tuple(token, fc.boolean()), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(subjects, fc.nat(5), (tokens, cut) => {
        const subject = tokens.map(([text]) => text).join(".");
        const starred = tokens.map(([text, star]) => (star ? "*" : text));
        expect(matchesSubject(starred.join("."), subject)).toBe(true);
        const tail = [...starred.slice(0, Math.min(cut, tokens.length - 1)), ">"].join(".");
        expect(matchesSubject(tail, subject)).toBe(true);
        expect(matchesSubject(`${starred.join(".")}.>`, subject)).toBe(false);
      }),
    );
  });
});

describe("onMessage", () => {
  it.each(["", ".", "a.", "a..b", "a b", "a.>.b", "a*", "ä"])(
    "refuses the pattern %j",
    (pattern) => {
      const agent = new HeartbeatAgent({
        agentId: "agent-1",
        organizationId: "acme",
        url: "wss://gateway.test/prod",
        privateKey: TEST_KEY,
      });
      expect(() => agent.onMessage(pattern, () => {})).toThrow(SubjectError);
    },
  );
});

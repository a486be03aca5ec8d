import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import {
  isNamePattern,
  matchesName,
  newEnrolmentName,
  newEnrolmentToken,
  readEnrolmentToken,
} from "../../core/enrolment-token";

describe("an enrolment's token", () => {
  it.each(["acme", "Team%20A", "a.b@c:d/e+f=g", "x".repeat(128)])(
    "names the organization %s and its enrolment",
    (organizationId) => {
      const { token, enrolmentId, secretHash } = newEnrolmentToken(organizationId);
      const read = readEnrolmentToken(token);
      expect(read).toMatchObject({ organizationId, enrolmentId });
      expect(read?.isOf({ secretHash })).toBe(true);
    },
  );

  it("begins with a prefix, has 256 random bits, and is new each time", () => {
    const tokens = Array.from({ length: 100 }, () => newEnrolmentToken("acme").token);
    expect(new Set(tokens).size).toBe(100);
    for (const token of tokens) {
      expect(token).toMatch(/^ahe_/);
      expect(Buffer.from(token.split(".")[2] ?? "", "base64url")).toHaveLength(32);
    }
  });

  it("is not in what is stored of it", () => {
    const { token, secretHash } = newEnrolmentToken("acme");
    expect(token).not.toContain(secretHash);
    expect(secretHash).toHaveLength(43);
  });

  it("without a secret names an enrolment, and matches no stored secret", () => {
    const { token, enrolmentId } = newEnrolmentName("acme");
    const read = readEnrolmentToken(token);
    expect(read).toMatchObject({ organizationId: "acme", enrolmentId, hasSecret: false });
    expect(read?.isOf({})).toBe(false);
    expect(read?.isOf(newEnrolmentToken("acme"))).toBe(false);
    expect(readEnrolmentToken(newEnrolmentToken("acme").token)?.isOf({})).toBe(false);
  });

  it("is of no other enrolment", () => {
    const [one, other] = [newEnrolmentToken("acme"), newEnrolmentToken("acme")];
    expect(readEnrolmentToken(one.token)?.isOf(other)).toBe(false);
  });

  it("is refused if a character is changed, missing or added", () => {
    const { token, secretHash } = newEnrolmentToken("acme");
    fc.assert(
      fc.property(
        fc.nat(token.length),
        fc.constantFrom(0, 1),
        fc.string({ unit: "binary", maxLength: 2 }),
        (at, cut, put) => {
          const changed = token.slice(0, at) + put + token.slice(at + cut);
          if (changed === token) return;
          const read = readEnrolmentToken(changed);
          const named = newEnrolmentToken("acme");
          const isSame = read?.organizationId === "acme" && token.includes(`.${read.enrolmentId}.`);
          if (isSame) expect(read.isOf({ secretHash })).toBe(false);
          expect(read?.isOf(named) ?? false).toBe(false);
        },
      ),
    );
  });

  it.each([
    "",
    "ahe_",
    "ahe_..",
    `ahe_YWNtZQ.0123456789abcdef.${"a".repeat(42)}`,
    `ahe_YWNtZQ==.0123456789abcdef.${"a".repeat(43)}`,
    `ahe_I3N3ZWVw.0123456789abcdef.${"a".repeat(43)}`,
    `ahe_YWNtZR.0123456789abcdef.${"a".repeat(43)}`,
    `ahe_YWNtZQ.0123456789ABCDEF.${"a".repeat(43)}`,
    `AHE_YWNtZQ.0123456789abcdef.${"a".repeat(43)}`,
    `ahe_${"a".repeat(100_000)}`,
  ])("is not %s", (text) => {
    expect(readEnrolmentToken(text)).toBeUndefined();
  });
});

describe("a pattern of names", () => {
  it.each([
    ["worker-1", "worker-1"],
    ["worker-*", "worker-1"],
    ["worker-*", "worker-"],
    ["*", "anything"],
    ["*-eu", "worker-eu"],
    ["a*b*c", "abc"],
    ["a*b*c", "a.b.b.c"],
    ["a**c", "abc"],
    ["*a*", "a"],
    ["a.b*", "a.bc"],
    ["a+*", "a+1"],
  ])("%s matches %s", (pattern, agentId) => {
    expect(isNamePattern(pattern)).toBe(true);
    expect(matchesName(pattern, agentId)).toBe(true);
  });

  it.each([
    ["worker-1", "worker-12"],
    ["worker-*", "Worker-1"],
    ["worker-*", "a-worker-1"],
    ["*-eu", "worker-eu-1"],
    ["ab*ba", "aba"],
    ["a*b*c", "acb"],
    ["a.b*", "axbc"],
    ["a*a", "a"],
  ])("%s does not match %s", (pattern, agentId) => {
    expect(matchesName(pattern, agentId)).toBe(false);
  });

  it.each(["", " ", "a b", "a,b", "a?", "[a]", ".a", "ä*", "x".repeat(129)])(
    "is not %j",
    (text) => {
      expect(isNamePattern(text)).toBe(false);
    },
  );

  it("matches as a regular expression does", () => {
    const letters = fc.stringMatching(/^[ab*]{0,8}$/);
    fc.assert(
      fc.property(letters, fc.stringMatching(/^[ab]{0,12}$/), (pattern, name) => {
        const expected = new RegExp(`^${pattern.replaceAll("*", ".*")}$`).test(name);
        expect(matchesName(pattern, name)).toBe(expected);
      }),
      { numRuns: 2000 },
    );
  });
});

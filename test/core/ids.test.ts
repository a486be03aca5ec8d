import { describe, expect, it } from "@jest/globals";
import { ID_PATTERN } from "../../core/agent-id";
import { LIMITS } from "../../core/limits";
import { agentOfToken, agentToken, isSubject, RESERVED } from "../../core/subject";

/** As pods, hosts, workers, tasks and people are named. */
const NAMES = [
  "worker-1",
  "A_b-9",
  "-",
  "_",
  "worker-0.workers.default.svc",
  "worker-0.workers.default.svc.cluster.local",
  "celery@host",
  "celery@worker-1.eu-west-1.compute.internal",
  "i-0abc:8080",
  "10.0.0.7:9000",
  "EC2AMAZ-AB12CDE",
  "arn:aws:ecs:eu-west-1:123456789012:task/cluster/0123456789abcdef0123456789abcdef",
  "arn:aws:lambda:eu-west-1:123456789012:function:work:7",
  "namespace/pod-0/container",
  "0b9f7a52-3f0c-4c7e-9d53-2f4a52c1c7b1",
  "team%20A",
  "key=value+more",
  "x".repeat(70),
  "x".repeat(LIMITS.idLength),
];

const UNSAFE: [string, string][] = [
  ["", "is empty"],
  ["a b", "has a space"],
  ["a\n", "ends in a line end"],
  ["a\tb", "has a tab"],
  ["a#b", "has what joins keys"],
  ["a~b", "has what stands for a dot"],
  ["a*", "has a wildcard"],
  [">", "is a wildcard"],
  [".", "is a folder"],
  ["../a", "leads to another folder"],
  ["/a", "begins with a slash"],
  ["=1+1", "is a formula"],
  ["+1", "is a formula"],
  ["@sum", "is a formula"],
  ["a\\b", "has a backslash"],
  ["ä", "is not ASCII"],
  ["a\u0000", "has a control character"],
  ["x".repeat(LIMITS.idLength + 1), "is too long"],
];

describe("an id", () => {
  it.each(NAMES)("may be %s", (id) => {
    expect(ID_PATTERN.test(id)).toBe(true);
    const token = agentToken(id);
    expect(token).not.toMatch(/[.*>]/);
    expect(agentOfToken(token)).toBe(id);
    for (const subject of [
      `${RESERVED.presence}.${token}`,
      `${RESERVED.inbox}.${token}.0b9f7a52-3f0c-4c7e-9d53-2f4a52c1c7b1`,
      `tasks.${id}`,
    ]) {
      expect([subject, isSubject(subject)]).toEqual([subject, true]);
    }
  });

  it.each(UNSAFE)("may not be %j, which %s", (id, _) => {
    expect(ID_PATTERN.test(id)).toBe(false);
  });

  it("of letters, digits, _ and - is its own token, as it was before ids could have other characters", () => {
    expect(agentToken("Worker_0-a")).toBe("Worker_0-a");
  });
});

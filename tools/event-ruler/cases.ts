/** Pairs of a pattern of the template and an event, for every combination of the fields that patterns use. */

import { App } from "aws-cdk-lib";
import { Template } from "aws-cdk-lib/assertions";
import { AgentHeartbeatStack } from "../../lib/agent-heartbeat-stack";
import { appProps } from "../../testing/cdk-context";

export interface Case {
  pattern: unknown;
  event: unknown;
}

type Image = Record<string, { N: string } | { M: object }> | undefined;

/** Every case of the default template. */
export function cases(): Case[] {
  const stack = new AgentHeartbeatStack(new App(appProps()), "Cases");
  const template = Template.fromStack(stack);
  const properties = (type: string) =>
    Object.values(template.findResources(type)).map(({ Properties }) => Properties);
  const filters = properties("AWS::Lambda::EventSourceMapping").flatMap(({ FilterCriteria }) =>
    (FilterCriteria?.Filters ?? []).map(({ Pattern }: { Pattern: string }) => JSON.parse(Pattern)),
  );
  const rules = properties("AWS::Events::Rule").flatMap(({ EventPattern }) => EventPattern ?? []);
  return [...pairs(filters, streamEvents(filters)), ...pairs(rules, busEvents(rules))];
}

const pairs = (patterns: unknown[], events: unknown[]): Case[] =>
  patterns.flatMap((pattern) => events.map((event) => ({ pattern, event })));

/**
 * Stream records with every pair of images, of which either may be missing: those of the attributes that come and go, and
 * those of what agents do.
 */
function streamEvents(filters: unknown[]): unknown[] {
  const all = filters.flatMap((filter) => attributesIn((filter as { dynamodb: object }).dynamodb));
  const names = [...new Set(all)].filter((name) => name !== "activity").sort();
  const subsets: string[][] = [[]];
  for (const name of names) subsets.push(...subsets.map((subset) => [...subset, name]));
  // The key is always present, so an image is never empty.
  const images = subsets.map((subset) =>
    Object.fromEntries(["leaseExpiresAt", ...subset].map((name) => [name, { N: "1" }])),
  );
  const states = ["draining", "working"].map((state) => ({
    leaseExpiresAt: { N: "1" },
    activity: { M: { state: { S: state } } },
  }));
  return [
    ...changesAmong([undefined, ...images]),
    ...changesAmong([images[0], ...states]).slice(1),
  ];
}

function changesAmong(images: Image[]): unknown[] {
  return images.flatMap((OldImage) =>
    images
      .filter((NewImage) => OldImage ?? NewImage)
      .map((NewImage) => ({
        eventName: OldImage ? (NewImage ? "MODIFY" : "REMOVE") : "INSERT",
        dynamodb: { ...(OldImage && { OldImage }), ...(NewImage && { NewImage }) },
      })),
  );
}

/** The attributes that a filter uses, below `OldImage` and `NewImage`. */
function attributesIn(filter: object): string[] {
  return Object.entries(filter).flatMap(([name, image]) =>
    name === "$or" ? image.flatMap(attributesIn) : Object.keys(image),
  );
}

/** Events with each detail type that a rule matches, and with others. */
function busEvents(rules: unknown[]): unknown[] {
  const asked = rules.flatMap(
    (rule) => (rule as { "detail-type"?: string[] })["detail-type"] ?? [],
  );
  const types = [...new Set([...asked, "Agent Online", "agent message", ""])];
  return types.map((type) => ({ source: "test", "detail-type": type, detail: { subject: "x" } }));
}

/** Compares the recorded results of AWS's event-ruler for every pattern of the template with the local runtime's. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { parsePattern } from "../../local/aws/events/pattern";
import { type Case, cases } from "../../tools/event-ruler/cases";

type Images = { OldImage?: object; NewImage?: object };

/** Not imported: the compiler would compare the type of each of a thousand records with that of every other. */
const RECORDED: (Case & { event: object; matches: boolean })[] = JSON.parse(
  readFileSync(join(__dirname, "fixtures/event-ruler.json"), "utf8"),
);

const changesOf = (attribute: string) => (event: unknown) => {
  const { OldImage = {}, NewImage = {} } = (event as { dynamodb: Images }).dynamodb;
  return attribute in OldImage !== attribute in NewImage;
};

const stateIn = (image: object | undefined) =>
  (image as { activity?: { M: { state: { S: string } } } } | undefined)?.activity?.M.state.S;

describe("the template's patterns in AWS's event-ruler", () => {
  it("are the recorded ones (npm run event-ruler)", () => {
    const recorded = RECORDED.map(({ pattern, event }) => JSON.stringify({ pattern, event }));
    expect(recorded).toEqual(cases().map((pair) => JSON.stringify(pair)));
  });

  it("match the same events in the local runtime", () => {
    const different = RECORDED.filter(
      ({ pattern, event, matches }) => parsePattern(pattern)(event) !== matches,
    );
    expect(different).toEqual([]);
  });

  it("match every transition, and no heartbeat", () => {
    const ofStream = RECORDED.filter(({ event }) => "dynamodb" in event);
    const through = new Set(
      ofStream.filter(({ matches }) => matches).map(({ event }) => JSON.stringify(event)),
    );
    for (const { event } of ofStream) {
      const { OldImage, NewImage } = (event as { dynamodb: Images }).dynamodb;
      const isThrough = through.has(JSON.stringify(event));
      const changed = changesOf("onlineSince")(event);
      if (changed && NewImage) expect([event, isThrough]).toEqual([event, true]);
      // A write that displaces connections sets an attribute, which the next heartbeat removes.
      const marked = NewImage !== undefined && "displacedAt" in NewImage;
      const began = stateIn(NewImage) === "draining" && stateIn(OldImage) !== "draining";
      if (began) expect([event, isThrough]).toEqual([event, true]);
      if (marked) expect([event, isThrough]).toEqual([event, true]);
      else if (JSON.stringify(OldImage) === JSON.stringify(NewImage)) expect(isThrough).toBe(false);
    }
  });
});

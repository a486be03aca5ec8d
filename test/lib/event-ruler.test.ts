/** What AWS's event-ruler says of every pattern of the template: recorded, and played locally in the same way. */

import { describe, expect, it } from "@jest/globals";
import { parsePattern } from "../../local/aws/events/pattern";
import { cases } from "../../tools/event-ruler/cases";
import RECORDED from "./fixtures/event-ruler.json";

type Images = { OldImage?: object; NewImage?: object };

const changesOf = (attribute: string) => (event: unknown) => {
  const { OldImage = {}, NewImage = {} } = (event as { dynamodb: Images }).dynamodb;
  return attribute in OldImage !== attribute in NewImage;
};

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
    const through = ofStream.filter(({ matches }) => matches).map(({ event }) => event);
    const isThrough = (event: object) =>
      through.some((other) => JSON.stringify(other) === JSON.stringify(event));
    for (const { event } of ofStream) {
      const { OldImage, NewImage } = event.dynamodb as Images;
      const changed = changesOf("onlineSince")(event);
      if (changed && NewImage) expect([event, isThrough(event)]).toEqual([event, true]);
      // A write that displaces connections leaves a mark, which the next heartbeat removes.
      const marked = NewImage !== undefined && "displacedAt" in NewImage;
      if (marked) expect([event, isThrough(event)]).toEqual([event, true]);
      else if (JSON.stringify(OldImage) === JSON.stringify(NewImage))
        expect(isThrough(event)).toBe(false);
    }
  });
});

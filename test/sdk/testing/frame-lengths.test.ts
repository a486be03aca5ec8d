import { describe, expect, it } from "@jest/globals";
import { FrameLengths } from "../../../sdk/src/testing/frame-lengths";

describe("the length of frames", () => {
  const frame = (length: number) => {
    const header =
      length < 126
        ? [0x81, 0x80 | length]
        : length < 65_536
          ? [0x81, 0x80 | 126, length >> 8, length & 255]
          : [0x81, 0x80 | 127, 0, 0, 0, 0, 0, length >> 16, (length >> 8) & 255, length & 255];
    return Buffer.concat([Buffer.from([...header, 1, 2, 3, 4]), Buffer.alloc(length)]);
  };

  it.each([0, 1, 125, 126, 32_768, 65_535, 65_536, 100_000])("is read for %d bytes", (length) => {
    const whole = new FrameLengths();
    whole.take(Buffer.concat([frame(3), frame(length), frame(5)]));
    expect(whole.longest).toBe(Math.max(length, 5));
    const inPieces = new FrameLengths();
    const bytes = Buffer.concat([frame(length), frame(7)]);
    for (let at = 0; at < bytes.length; at += 1021) inPieces.take(bytes.subarray(at, at + 1021));
    expect(inPieces.longest).toBe(Math.max(length, 7));
  });
});

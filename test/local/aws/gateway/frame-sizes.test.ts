import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { FrameSizes } from "../../../../local/aws/gateway/frame-sizes";

/** A masked text frame as a client sends it. */
function frame(length: number): Buffer {
  const mask = Buffer.alloc(4);
  const payload = Buffer.alloc(length, 0xff);
  if (length < 126) return Buffer.concat([Buffer.from([0x81, 0x80 | length]), mask, payload]);
  const header = Buffer.alloc(length < 65536 ? 4 : 10);
  header[0] = 0x81;
  header[1] = 0x80 | (length < 65536 ? 126 : 127);
  if (length < 65536) header.writeUInt16BE(length, 2);
  else header.writeBigUInt64BE(BigInt(length), 2);
  return Buffer.concat([header, mask, payload]);
}

describe("the sizes of frames", () => {
  it("are found wherever the stream is split", () => {
    const sizes = fc.array(fc.constantFrom(0, 1, 125, 126, 1000, 32768, 32769, 70000), {
      minLength: 1,
      maxLength: 6,
    });
    fc.assert(
      fc.property(sizes, fc.integer({ min: 1, max: 40000 }), (lengths, cut) => {
        const stream = Buffer.concat(lengths.map(frame));
        const frames = new FrameSizes();
        let exceeded = false;
        for (let start = 0; start < stream.length && !exceeded; start += cut) {
          exceeded = frames.exceeds(32768, stream.subarray(start, start + cut));
        }
        expect(exceeded).toBe(lengths.some((length) => length > 32768));
      }),
      { numRuns: 100 },
    );
  });
});

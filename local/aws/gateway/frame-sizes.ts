/** Measures the sizes of WebSocket frames, which the WebSocket library does not expose. */

/**
 * Parses the frame headers in a client's byte stream (RFC 6455, section 5.2).
 */
export class FrameSizes {
  readonly #header = Buffer.alloc(14);
  #have = 0;
  #skip = 0;

  /** Whether a frame begins in this part of the stream whose payload is longer than `limit`, in bytes. */
  exceeds(limit: number, chunk: Buffer): boolean {
    let offset = 0;
    while (offset < chunk.length) {
      if (this.#skip > 0) {
        const skipped = Math.min(this.#skip, chunk.length - offset);
        this.#skip -= skipped;
        offset += skipped;
        continue;
      }
      this.#header[this.#have++] = chunk[offset++] as number;
      const length = this.#payloadLength();
      if (length === undefined) continue;
      if (length > limit) return true;
      this.#skip = length;
      this.#have = 0;
    }
    return false;
  }

  /** Undefined until the header is complete. */
  #payloadLength(): number | undefined {
    const [have, header] = [this.#have, this.#header];
    if (have < 2) return undefined;
    const second = header[1] as number;
    const short = second & 0x7f;
    const extended = short === 126 ? 2 : short === 127 ? 8 : 0;
    const masked = (second & 0x80) === 0 ? 0 : 4;
    if (have < 2 + extended + masked) return undefined;
    if (extended === 0) return short;
    return extended === 2 ? header.readUInt16BE(2) : Number(header.readBigUInt64BE(2));
  }
}

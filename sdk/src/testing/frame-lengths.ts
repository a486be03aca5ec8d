/** The lengths of the frames that a client sends, read from the bytes of its WebSocket (RFC 6455, section 5.2). */
export class FrameLengths {
  /** Payload of the longest frame so far, in bytes. */
  longest = 0;
  #rest = Buffer.alloc(0);
  /** Bytes of the present frame that are still to come. */
  #skip = 0;

  take(bytes: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, bytes]);
    for (;;) {
      const skipped = Math.min(this.#skip, this.#rest.length);
      this.#rest = this.#rest.subarray(skipped);
      this.#skip -= skipped;
      const header = this.#skip > 0 ? undefined : headerOf(this.#rest);
      if (!header) return;
      this.longest = Math.max(this.longest, header.payload);
      this.#skip = header.length + header.payload;
    }
  }
}

/** Undefined as long as it is not all there. A client's frames have a mask of four bytes. */
function headerOf(bytes: Buffer): { length: number; payload: number } | undefined {
  if (bytes.length < 2) return undefined;
  const short = bytes.readUInt8(1) & 0x7f;
  const extra = short === 127 ? 8 : short === 126 ? 2 : 0;
  if (bytes.length < 2 + extra) return undefined;
  const payload =
    extra === 8 ? Number(bytes.readBigUInt64BE(2)) : extra === 2 ? bytes.readUInt16BE(2) : short;
  return { length: 2 + extra + 4, payload };
}

/** Where the functions' logs go: a file each, begun anew at every start. */

import { createWriteStream, mkdirSync, type WriteStream } from "node:fs";
import { join } from "node:path";

/** Takes one line of a function's log. */
export type LogSink = (functionName: string, line: string) => void;

export interface LogFiles {
  write: LogSink;
  close(): Promise<void>;
}

/** Writes `<directory>/<function>.log`. */
export function openLogFiles(directory: string): LogFiles {
  mkdirSync(directory, { recursive: true });
  const streams = new Map<string, WriteStream>();
  return {
    write(functionName, line) {
      let stream = streams.get(functionName);
      if (!stream) {
        stream = createWriteStream(join(directory, `${functionName}.log`));
        // A full disk ends logging, not the system.
        stream.on("error", () => {});
        streams.set(functionName, stream);
      }
      stream.write(`${line}\n`);
    },
    async close() {
      await Promise.all(
        [...streams.values()].map((stream) => new Promise<void>((done) => stream.end(done))),
      );
    },
  };
}

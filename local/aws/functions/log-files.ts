/** The functions' log files: one per function, truncated at every start. */

import { createWriteStream, mkdirSync, type WriteStream } from "node:fs";
import { join } from "node:path";

/** Receives one line of a function's log. */
export type LogSink = (functionName: string, line: string) => void;

export interface LogFiles {
  write: LogSink;
  close(): Promise<void>;
}

/** Writes to `<directory>/<function>.log`. */
export function openLogFiles(directory: string): LogFiles {
  mkdirSync(directory, { recursive: true });
  const streams = new Map<string, WriteStream>();
  return {
    write(functionName, line) {
      let stream = streams.get(functionName);
      if (!stream) {
        stream = createWriteStream(join(directory, `${functionName}.log`));
        // A full disk must not stop the runtime.
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

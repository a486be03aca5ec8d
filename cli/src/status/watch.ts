/** Shows presence as it changes: drawn in place for a person, a line for each change otherwise. */

import type { AgentPresence, MassExpiry } from "@agent-heartbeat/sdk/status";
import wrapAnsi from "wrap-ansi";
import { explain } from "../failure";
import type { Io } from "../io";
import { moment } from "../terminal/durations";
import { printable, printableJson } from "../terminal/printable";
import type { Printer } from "../terminal/printer";
import { table } from "../terminal/table";
import { massExpiryWarning } from "./mass-expiry";
import { type StatusFilter, wordOf } from "./status-filter";
import { paintWord, presenceColumns, summary } from "./status-view";

export interface WatchOptions {
  intervalMs: number;
  /** Names what is watched, for a person. */
  title: string;
  read(): Promise<Reading>;
  /** Epoch milliseconds by the server's clock. */
  now(): number;
}

export interface Reading {
  agents: AgentPresence[];
  /** Null while the service suspects nothing. */
  massExpiry: MassExpiry | null;
}

/** How a reading is shown. */
interface View {
  show(reading: Reading, now: number): void;
  failed(sentence: string): void;
}

/** An agent came, went, stalled, recovered, began to drain, or was seen for the first time (`previousStatus` null). */
interface Change {
  at: number;
  agentId: string;
  status: StatusFilter | "removed";
  previousStatus: StatusFilter | null;
  reason: AgentPresence["reason"];
}

/**
 * Reads and shows until the person interrupts. A reading that fails after the first is shown and retried.
 *
 * @throws what the first reading throws
 */
export async function watch(options: WatchOptions, io: Io, printer: Printer): Promise<void> {
  const inPlace = io.stdout.isTTY && !printer.json;
  const view = inPlace ? screen(options.title, io, printer) : changeLog(io, printer);
  view.show(await options.read(), options.now());
  for (;;) {
    await io.wait(options.intervalMs, io.signal);
    if (io.signal.aborted) return;
    try {
      view.show(await options.read(), options.now());
    } catch (error) {
      view.failed(explain(error).message);
    }
  }
}

// ECMA-48 and xterm control sequences. Each line is cleared when it has been written, so that nothing
// flickers, and none wraps, so that a line is one line for the way back up.
const up = (lines: number) => `\u001b[${lines}A`;
const CLEAR_LINE = "\u001b[K";
const CLEAR_BELOW = "\u001b[J";
const NO_WRAP = "\u001b[?7l";
const WRAP = "\u001b[?7h";

function screen(title: string, io: Io, printer: Printer): View {
  const { bold, dim, yellow } = printer.colours;
  let drawn = 0;
  let body: string[] = [];
  const draw = (lines: string[]) => {
    const back = drawn > 0 ? `\r${up(drawn)}` : "";
    const drawing = lines.map((line) => `${line}${CLEAR_LINE}\n`).join("");
    io.stdout.write(`${back}${NO_WRAP}${drawing}${WRAP}${CLEAR_BELOW}`);
    drawn = lines.length;
  };
  return {
    show({ agents, massExpiry }, now) {
      const rows = table(agents, presenceColumns(now, printer), printer.colours, printer.width);
      const head = [
        `${bold(title)}  ${summary(agents, printer)}  ${dim(moment(now))}`,
        ...(massExpiry
          ? wrapAnsi(massExpiryWarning(massExpiry, now), printer.width ?? Number.POSITIVE_INFINITY)
              .split("\n")
              .map(yellow)
          : []),
        "",
      ];
      const height = (io.stdout.rows ?? Number.POSITIVE_INFINITY) - head.length - 3;
      body = [...head, ...cut(rows, height)];
      draw([...body, "", dim("Ctrl-C ends it.")]);
    },
    failed(sentence) {
      draw([...body, "", yellow(`Not up to date: ${sentence}`)]);
    },
  };
}

/** What does not fit on the screen can't be redrawn in place. */
function cut(lines: string[], height: number): string[] {
  if (lines.length <= height) return lines;
  const shown = Math.max(1, height - 1);
  return [...lines.slice(0, shown), `… and ${lines.length - shown} more`];
}

function changeLog(io: Io, printer: Printer): View {
  let known = new Map<string, AgentPresence>();
  let suspectedAt: number | undefined;
  return {
    show({ agents, massExpiry }, now) {
      if (massExpiry && massExpiry.suspectedAt !== suspectedAt) {
        io.stderr.write(`${massExpiryWarning(massExpiry, now)}\n`);
      } else if (!massExpiry && suspectedAt !== undefined) {
        io.stderr.write("The service no longer suspects a mass expiry.\n");
      }
      suspectedAt = massExpiry?.suspectedAt;
      const current = new Map(agents.map((agent) => [agent.agentId, agent]));
      for (const change of changes(known, current, now)) {
        if (printer.json) printer.lines(printableJson(change));
        else printer.lines(changeLine(change, printer));
      }
      known = current;
    },
    failed(sentence) {
      io.stderr.write(`agent-heartbeat: not up to date: ${sentence}\n`);
    },
  };
}

function changes(
  before: Map<string, AgentPresence>,
  after: Map<string, AgentPresence>,
  now: number,
): Change[] {
  const seen = [...after.values()].flatMap((agent): Change[] => {
    const { agentId, reason } = agent;
    const known = before.get(agentId);
    const [status, previousStatus] = [wordOf(agent), known ? wordOf(known) : null];
    if (status === previousStatus) return [];
    // The time at which work advances again, or a drain begins, is not stored.
    const recovered = status === "online" && previousStatus === "stalled";
    const at = recovered || status === "draining" ? now : (agent.stalledSince ?? agent.since);
    return [{ at, agentId, status, previousStatus, reason }];
  });
  const gone = [...before.values()]
    .filter(({ agentId }) => !after.has(agentId))
    .map((agent): Change => {
      const previousStatus = wordOf(agent);
      return { at: now, agentId: agent.agentId, status: "removed", previousStatus, reason: null };
    });
  return [...seen, ...gone];
}

function changeLine({ at, agentId, status, reason }: Change, printer: Printer): string {
  const text = status === "removed" ? status : paintWord(status, printer);
  const why = reason ? [printable(`(${reason})`)] : [];
  return [moment(at), printable(agentId), text, ...why].join("  ");
}

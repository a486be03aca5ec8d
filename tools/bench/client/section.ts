/** What a connected client costs its machine, as a section of the report. */

import { type Section, table, told } from "../section";
import { type ClientReport, measureClients } from "./measure";

export const client: Section<ClientReport> = {
  name: "client",
  title: "Clients",
  measure: measureClients,

  markdown: ({ clients, kinds, many }) =>
    [
      `${clients.toLocaleString("en-US")} clients of a kind in one process, connected to a stand-in for the gateway. *Memory* ` +
        "is heap and buffers of each. *CPU* is user and system time, measured at one heartbeat a second, as a ratio to " +
        "a bare `ws` client of the same run that sends the same heartbeats and parses the acks; *opening* is the " +
        "handshake, with the login that HeartbeatAgent signs. The median, and the least and greatest of the runs.",
      table(
        ["client", "memory", "CPU", "opening CPU", "CPU an hour"],
        kinds.map((one) => [
          one.kind,
          `${told(kilobytes(one.memoryBytes), 1)} KB`,
          told(one.cpu),
          told(one.openCpu),
          `${told(one.cpuMsPerHour, 0)} ms`,
        ]),
      ),
      "Bytes on the wire, counted at the socket: WebSocket frames with their headers, and the handshake's HTTP; not " +
        "TLS and TCP. An hour is of heartbeats every 30 s, each acknowledged, and for HeartbeatAgent of the handshakes of " +
        "rotation, one in 100 minutes.",
      table(
        ["client", "heartbeat", "ack", "handshake up", "handshake down", "an hour"],
        kinds.map(({ kind, exchange, handshake, bytesPerHour }) => [
          kind,
          bytes(exchange.up),
          bytes(exchange.down),
          bytes(handshake.up),
          bytes(handshake.down),
          `${(bytesPerHour / 1000).toFixed(1)} KB`,
        ]),
      ),
      `${many.agents.toLocaleString("en-US")} agents in one process, a heartbeat every 30 s: connected within ` +
        `${many.openSeconds.toFixed(1)} s, ${Math.round(many.residentBytes / 2 ** 20)} MB resident, ` +
        `${(many.cpuShare * 100).toFixed(1)} % of a core; healthy at the end: ${many.healthy.toLocaleString("en-US")}.`,
    ].join("\n\n"),

  goals: ({ many }) => [
    {
      goal: "10,000 agents in one process, all healthy",
      found: `${many.healthy.toLocaleString("en-US")} of ${many.agents.toLocaleString("en-US")}`,
      met: many.healthy === many.agents,
    },
  ],
};

const bytes = (value: number) => value.toFixed(0);

const kilobytes = ({ median, min, max }: { median: number; min: number; max: number }) => {
  return { median: median / 1024, min: min / 1024, max: max / 1024 };
};

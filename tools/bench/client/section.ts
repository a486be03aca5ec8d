/** The report section on the resources of a connected client. */

import { type Section, spreadText, table } from "../section";
import { type ClientReport, measureClients } from "./measure";

export const client: Section<ClientReport> = {
  name: "client",
  title: "Clients",
  measure: measureClients,

  markdown: ({ clients, kinds, many }) =>
    [
      `${clients.toLocaleString("en-US")} clients of one kind in one process, connected to a fake gateway. *Memory* ` +
        "is heap and buffers per client. *CPU* is user and system time at one heartbeat a second, relative to " +
        "a bare `ws` client of the same run that sends the same heartbeats and parses the acks; *opening* is the " +
        "handshake, including the login that HeartbeatAgent signs. Median, minimum and maximum of the runs.",
      table(
        ["client", "memory", "CPU", "opening CPU", "CPU an hour"],
        kinds.map((one) => [
          one.kind,
          `${spreadText(kilobytes(one.memoryBytes), 1)} KB`,
          spreadText(one.cpu),
          spreadText(one.openCpu),
          `${spreadText(one.cpuMsPerHour, 0)} ms`,
        ]),
      ),
      "Bytes on the wire, counted at the socket: WebSocket frames with headers and the HTTP handshake, without " +
        "TLS and TCP. An hour has acknowledged heartbeats every 30 s, and for HeartbeatAgent the handshakes of " +
        "rotation, one every 100 minutes.",
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
        `${(many.cpuShare * 100).toFixed(1)} % of a core. Healthy at the end: ${many.healthy.toLocaleString("en-US")}.`,
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

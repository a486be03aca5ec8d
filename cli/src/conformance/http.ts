/** Level `http`: heartbeats over HTTP, with the WebSocket beside them. */

import { SUBPROTOCOL } from "@agent-heartbeat/sdk/protocol";
import { faultsOf } from "./login";
import type { Scenario, Trial } from "./trial";

const STATUSES = [401, 403, 404, 409, 429, 500, 503];

const HEARTBEATS = ["heartbeat", "heartbeat_quiet"];

const start = (trial: Trial) =>
  trial.start({ heartbeatTransport: "http", httpUrl: trial.service.httpUrl });

/** Every request so far is one that the service would accept, and its token is later than the one before. */
function expectValidRequests(trial: Trial): void {
  const { httpRequests, httpUrl, logins } = trial.service;
  let last = 0;
  for (const request of httpRequests) {
    const { method, path, token, claims } = request;
    trial.expect(method === "POST" && path === "/heartbeat", "POST /heartbeat", [method, path]);
    const offered = [`${SUBPROTOCOL}, ${token}`];
    const faults = faultsOf({ ...request, offered }, { ...trial, audience: httpUrl });
    trial.expect(faults.length === 0, faults.join("; "), claims);
    trial.expect(
      claims.instance_id === logins[0]?.claims.instance_id,
      "the instance_id of the WebSocket's login",
      claims.instance_id,
    );
    const { iat = 0 } = claims;
    trial.expect(iat > last, `an iat after ${last}`, iat);
    last = iat;
  }
}

export const HTTP: Scenario[] = [
  {
    level: "http",
    name: "It posts its heartbeats, each with a newer token, and keeps its WebSocket.",
    async play(trial) {
      await start(trial);
      const connection = await trial.service.connection();
      await trial.service.httpRequest(4);
      expectValidRequests(trial);
      const [first] = trial.service.httpRequests;
      trial.expect(typeof first?.activity?.state === "string", "its activity", first?.activity);
      trial.expect(connection.closed === null, "the WebSocket to be open");
      trial.expect(trial.service.logins.length === 1, "one connection");
      const health = (await trial.client.call("health")) as { healthy?: unknown };
      trial.expect(health.healthy === true, "it to be healthy", health);
    },
  },
  {
    level: "http",
    name: "It begins each connection with a heartbeat on the WebSocket.",
    async play(trial) {
      await start(trial);
      const first = await trial.service.connection();
      await first.message("heartbeat");
      await trial.service.httpRequest();
      first.close(1012);
      const next = await trial.service.connection(2);
      await next.message("heartbeat");
      await trial.service.httpRequest(trial.service.httpRequests.length + 1);
      expectValidRequests(trial);
    },
  },
  ...STATUSES.map(
    (status): Scenario => ({
      level: "http",
      name: `It sends a heartbeat on the WebSocket if HTTP answers with ${status}, and later tries HTTP again.`,
      async play(trial) {
        const { service } = trial;
        let onWebSocket = 0;
        service.refuseHttp = (_, attempt) => {
          if (attempt > 1) return undefined;
          onWebSocket = service.last.ofType(...HEARTBEATS).length;
          return { status };
        };
        await start(trial);
        const connection = await service.connection();
        await service.httpRequest();
        await service.until(() => connection.ofType(...HEARTBEATS).length > onWebSocket);
        await service.httpRequest(3);
        trial.expect(service.logins.length === 1, "one connection", service.logins.length);
        expectValidRequests(trial);
      },
    }),
  ),
  {
    level: "http",
    name: "It sends heartbeats on the WebSocket while a request over HTTP has no answer.",
    async play(trial) {
      const { service } = trial;
      service.refuseHttp = { status: 0 };
      await start(trial);
      const connection = await service.connection();
      await service.httpRequest();
      const before = connection.ofType(...HEARTBEATS).length;
      await service.until(() => connection.ofType(...HEARTBEATS).length > before + 2);
      trial.expect(service.logins.length === 1, "one connection", service.logins.length);
    },
  },
  {
    level: "http",
    name: "It does not use HTTP for as long as Retry-After says, and stays online through the WebSocket.",
    async play(trial) {
      const { service } = trial;
      const at: number[] = [];
      service.refuseHttp = () => {
        at.push(Date.now());
        return at.length > 1 ? undefined : { status: 503, headers: { "retry-after": "4" } };
      };
      await start(trial);
      const connection = await service.connection();
      await service.httpRequest();
      const before = connection.ofType(...HEARTBEATS).length;
      await service.httpRequest(2);
      const waitedMs = (at[1] ?? 0) - (at[0] ?? 0);
      trial.expect(waitedMs >= 3900, "four seconds between the requests", waitedMs);
      trial.expect(connection.ofType(...HEARTBEATS).length > before, "heartbeats meanwhile");
    },
  },
  {
    level: "http",
    name: "It corrects its clock if a refusal over HTTP shows that it is wrong, and tries again.",
    async play(trial) {
      const { service } = trial;
      const date = () => new Date(Date.now() + 600_000).toUTCString();
      service.refuseHttp = ({ claims: { iat = 0 } }) =>
        iat * 1000 > Date.now() + 500_000 ? undefined : { status: 403, headers: { date: date() } };
      await start(trial);
      await service.until(() => service.agents.some(({ lastHeartbeatAt }) => lastHeartbeatAt > 0));
      await service.until(() =>
        service.httpRequests.some(({ claims }) => (claims.iat ?? 0) * 1000 > Date.now() + 500_000),
      );
      trial.expect(service.logins.length === 1, "one connection", service.logins.length);
    },
  },
  {
    level: "http",
    name: "It reports a drain on the WebSocket, and sends nothing over HTTP after closing it.",
    async play(trial) {
      const { service } = trial;
      await start(trial);
      const connection = await service.connection();
      await service.httpRequest();
      await trial.client.call("drain");
      await service.until(() =>
        connection
          .ofType(...HEARTBEATS)
          .some(({ activity }) => (activity as { state?: string })?.state === "draining"),
      );
      await connection.ended();
      const before = service.httpRequests.length;
      await trial.client.event("ended", ({ how }) => how === "drained");
      trial.expect(service.httpRequests.length === before, "no request any more");
      trial.expect(service.agents[0]?.status === "offline", "the agent to be offline");
    },
  },
];

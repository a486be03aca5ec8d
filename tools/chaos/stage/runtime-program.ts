/** The local runtime in a process of its own, with a witness at the boundary between gateway and functions. */

import { randomUUID } from "node:crypto";
import { decodeJwt } from "jose";
import { type LocalService, startLocalService } from "../../../local/app/service";
import { seededRandom } from "../../../testing/random";
import { type Channel, joinRun } from "./channel";
import type { RuntimeCommand, RuntimeReport, RuntimeSettings } from "./runtime-messages";
import { type StreamEvent, settledBy } from "./settlements";
import { sharedClock, watchLag } from "./time";

const settings = JSON.parse(process.argv[2] ?? "{}") as RuntimeSettings;
const now = sharedClock(settings.origin);
const random = seededRandom(settings.seed);

interface GatewayEvent {
  requestContext?: {
    eventType?: string;
    routeKey?: string;
    connectionId: string;
    requestTimeEpoch: number;
    authorizer?: { agentId?: string; organizationId?: string };
  };
  queryStringParameters?: { link?: string };
}

interface HttpEvent {
  rawPath?: string;
  headers?: Record<string, string | undefined>;
  requestContext?: { http?: { method: string }; timeEpoch?: number };
}

const KINDS = { $connect: "connect", heartbeat: "heartbeat", $disconnect: "disconnect" } as const;

interface Failing {
  share: number;
  when: "before" | "after";
}

async function main(): Promise<void> {
  const failing = new Map<string, Failing>();
  let setRuntime: (runtime: LocalService) => void = () => {};
  const started = new Promise<LocalService>((resolve) => {
    setRuntime = resolve;
  });
  const channel: Channel<RuntimeReport, RuntimeCommand> = await joinRun(
    settings.receptionPort,
    settings.name,
    (command) => void started.then((runtime) => obey(runtime, command)),
  );
  const send = (report: RuntimeReport) => channel.send(report);

  async function obey(runtime: LocalService, command: RuntimeCommand): Promise<void> {
    switch (command.do) {
      case "fail":
        failing.set(command.functionName, command);
        break;
      case "heal":
        failing.delete(command.functionName);
        break;
      case "end environment":
        await runtime.endEnvironment(fullName(runtime, command.functionName));
        break;
      case "sweep":
        await runtime.invoke(fullName(runtime, "Sweep")).catch(() => undefined);
        send({ what: "swept" });
        break;
      case "deliver": {
        const { organizationId, agentId } = command;
        for (const to of [{ subject: `chaos.${agentId}` }, { agentId }]) {
          const detail = { organizationId, data: { sentAt: now() }, ...to };
          const time = new Date(now()).toISOString();
          const event = { id: randomUUID(), source: "chaos", time, detail };
          await runtime.invoke(fullName(runtime, "Deliver"), event).catch(() => undefined);
        }
        break;
      }
      case "count connections":
        send({ what: "connections", count: runtime.connectionCount() });
        break;
    }
  }

  try {
    const runtime = await startLocalService({
      assemblyDirectory: settings.assemblyDirectory,
      dynamoDbEndpoint: settings.dynamoDbEndpoint,
      port: settings.port,
      schedules: false,
      ...(settings.concurrency !== undefined && { concurrency: settings.concurrency }),
      onProblem: (text) => send({ what: "problem", text }),
      async around({ functionName, event, proceed }) {
        const sign = signIn(event as GatewayEvent) ?? httpSignIn(event as HttpEvent);
        if (sign) send(sign);
        const fault = [...failing].find(([name]) => matches(functionName, name))?.[1];
        const fails = fault !== undefined && random() < fault.share;
        if (fails && fault.when === "before") throw new Error("chaos: it did not run");
        const result = await proceed().finally(() => {
          const { routeKey, connectionId } = (event as GatewayEvent).requestContext ?? {};
          if (routeKey === "subscribe" && connectionId) send({ what: "subscribed", connectionId });
        });
        if (sign?.kind === "disconnect") {
          send({ what: "released", connectionId: sign.connectionId });
        }
        for (const lockOut of settledBy(event as StreamEvent, result, settings.organizationId)) {
          send({ what: "settled", ...lockOut, at: now() });
        }
        if (fails) throw new Error("chaos: its answer was lost");
        return result;
      },
    });
    runtime.onEvent(({ source, detail }) => {
      const { transitionId, organizationId, agentId, event } = detail as Record<string, string>;
      if (organizationId !== settings.organizationId) return;
      if (source !== "agent-heartbeat" || (event !== "online" && event !== "offline")) return;
      if (!transitionId || !agentId) return;
      const { at, reason } = detail as { at: number; reason: string };
      const swept = reason === "lease_expired";
      send({
        what: "published",
        id: transitionId,
        agentId,
        status: event,
        at,
        swept,
        publishedAt: now(),
      });
    });
    watchLag(now, ({ at, ms }) => send({ what: "lag", at, ms }));
    const { webSocketUrl, httpUrl = "", statusTableName, registryTableName } = runtime.outputs;
    const [port, httpPort] = [webSocketUrl, httpUrl].map((url) => Number(new URL(url).port));
    if (!port || !httpPort) throw new Error("expected a port for WebSockets and one for HTTP");
    send({ what: "ready", webSocketUrl, port, httpPort, statusTableName, registryTableName });
    setRuntime(runtime);
  } catch (error) {
    send({ what: "failed to start", why: (error as Error).message });
  }
}

function signIn({ requestContext, queryStringParameters }: GatewayEvent) {
  const { routeKey = "", connectionId = "", requestTimeEpoch: at = 0 } = requestContext ?? {};
  const { agentId, organizationId } = requestContext?.authorizer ?? {};
  if (organizationId !== settings.organizationId) return undefined;
  const kind = KINDS[routeKey as keyof typeof KINDS];
  if (!kind || agentId === undefined) return undefined;
  const link = queryStringParameters?.link;
  return { what: "sign" as const, kind, agentId, connectionId, at, ...(link && { link }) };
}

/** A heartbeat over HTTP. */
function httpSignIn({ rawPath, headers, requestContext }: HttpEvent) {
  if (rawPath !== "/heartbeat" || requestContext?.http?.method !== "POST") return undefined;
  const { sub: agentId, org } = claimsOf(headers?.authorization);
  if (org !== settings.organizationId || typeof agentId !== "string") return undefined;
  const { timeEpoch: at = 0 } = requestContext;
  return { what: "sign" as const, kind: "heartbeat" as const, agentId, connectionId: "", at };
}

/** What a token claims. A forged one may claim nothing. */
function claimsOf(token = ""): { sub?: unknown; org?: unknown } {
  try {
    return decodeJwt(token.replace(/^Bearer /, ""));
  } catch {
    return {};
  }
}

/** Names of functions have the construct's path before what they are called, and a hash behind. */
const matches = (fullName: string, name: string) =>
  new RegExp(`${name}[0-9A-F]{8}$`).test(fullName);

function fullName(runtime: { functionNames: string[] }, name: string): string {
  const found = runtime.functionNames.filter((candidate) => matches(candidate, name));
  if (found[0] !== undefined && found.length === 1) return found[0];
  throw new Error(`expected one function ${name}, got ${found.join(", ") || "none"}`);
}

void main();

/** Delivers messages to the clients of the fake service and to the agents that a test controls. */

import type { AgentPresence, Transition } from "@agent-heartbeat/sdk/protocol";
import { traceOf } from "../../../core/trace-context";
import type { FakeConnection } from "./connection";
import type { FakeMessage, RemoteAgent } from "./remote-agent";
import { lessBusy, receiversOf } from "./routing";

/** What the router sees of the service. */
export interface RouterScene {
  open(): FakeConnection[];
  agents(): AgentPresence[];
  remote: ReadonlyMap<string, RemoteAgent>;
  random(): number;
}

export class FakeRouter {
  readonly #scene: RouterScene;
  /** The only receiver of each open request, and its attempt, by the subject of the answer. */
  readonly #openRequests = new Map<string, { asked: string; attempt: number | undefined }>();
  #messages = 0;

  constructor(scene: RouterScene) {
    this.#scene = scene;
  }

  /**
   * Delivers a message to its receivers.
   *
   * @param given its id, if it has one
   * @returns how many processes it reached
   */
  deliver(message: FakeMessage, given?: string): number {
    const { capability } = message;
    if (capability !== undefined) {
      const to = this.#capable(capability);
      return to === undefined ? 0 : this.deliver({ ...message, capability: undefined, to }, given);
    }
    const { subject, data, from, replyTo, expiresInMs, attempt } = message;
    const isAttempt = replyTo && attempt;
    const id = given ?? (isAttempt ? replyTo.slice(7) : `message-${++this.#messages}`);
    this.#openRequests.delete(subject);
    const targets = receiversOf(message, { open: this.#scene.open(), ...this.#draws() });
    const request = replyTo && { replyTo, expiresInMs, attempt };
    const text = { type: "message", subject, data, from, ...request, ...traceOf(message) };
    for (const { connection, ...how } of targets) {
      connection.send({ ...text, messageId: how.group ? `${id}:${how.group}` : id, ...how });
    }
    const remote = [...this.#scene.remote.values()].filter((agent) => agent.takes(message));
    const asked = [
      ...targets.flatMap(({ connection, ...how }) => (how.group || how.direct ? connection : [])),
      ...(message.to === undefined ? [] : remote),
    ];
    const [only] = asked;
    if (replyTo && expiresInMs && only && targets.length + remote.length === 1) {
      this.#openRequests.set(replyTo, { asked: only.agentId, attempt });
    }
    for (const agent of remote) void Promise.resolve().then(() => agent.receive(message));
    const reached = targets.map(({ connection, group }) => group ?? `#${connection.instanceId}`);
    return new Set(reached).size + remote.length;
  }

  /** Answers the requests whose only receiver went offline. */
  answerFor({ agentId, reason }: Transition): void {
    const text = `${agentId} went offline (${reason}) before it answered`;
    const error = { code: "receiver_lost", message: text };
    for (const [replyTo, { asked, attempt }] of this.#openRequests) {
      const answer = { subject: replyTo, data: { error, attempt }, from: "service" };
      if (asked === agentId) this.deliver(answer);
    }
  }

  /** One agent that has a capability and takes work: a client, or one that the test plays. */
  #capable(capability: string): string | undefined {
    const { open, agents, remote } = this.#scene;
    const connected = new Set(open().map(({ agentId }) => agentId));
    const has = agents().filter(({ agentId, profile }) => {
      const isHere = remote.has(agentId) || connected.has(agentId);
      return isHere && profile?.capabilities.includes(capability);
    });
    return lessBusy(
      has.map(({ agentId }) => agentId),
      this.#draws(),
    );
  }

  #draws() {
    const { agents, random } = this.#scene;
    const presenceOf = (agentId: string) => agents().find((agent) => agent.agentId === agentId);
    return { presenceOf, random };
  }
}

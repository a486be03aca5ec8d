/**
 * Signs the page in that the runtime itself has served, so that its plain address will do. The page makes a key and
 * sends the public half, which is registered as a viewer's for a working day: no private key leaves the browser. Only a
 * browser on this machine is offered that; whoever comes from another one needs a key, as anywhere else.
 */

import type { IncomingMessage, ServerResponse } from "node:http";
import {
  AgentHeartbeatError,
  AgentRegistry,
  type PublicJwk,
  publicKeyFrom,
} from "@agent-heartbeat/sdk/registry";
import { boundedClient } from "@agent-heartbeat/sdk/status";
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { hostOf, isLoopback, isLoopbackName, isSameOrigin } from "../aws/guard";
import { type HttpHandler, readBody, respond } from "../aws/http";
import type { LocalOutputs } from "./service";

const SIGN_IN_PATH = "/sign-in";

/** As long as a working day, as `agent-heartbeat dashboard` has it. */
const VALID_MS = 12 * 3_600_000;

/** A public key and an organization's id take less. */
const MAX_BODY_BYTES = 4096;

/** Added by whoever passes a request on: then its sender is not the one that it came from. */
const PASSED_ON = /^(forwarded|via|x-forwarded-.*|x-real-ip)$/;

/** What the page needs to connect, beside the key that it has made. */
export interface SignIn {
  url: string;
  organizationId: string;
  agentId: string;
  keyId: string;
  expiresAt: number;
}

export interface SignInApi {
  handle: HttpHandler;
  close(): void;
}

/** Whether a request is one that a browser on this machine has sent, to a name that is this machine's everywhere. */
export function isFromThisMachine({ headers, socket }: IncomingMessage): boolean {
  return (
    isLoopback(socket.remoteAddress ?? "") &&
    isLoopbackName(hostOf(headers.host ?? "")?.name ?? "") &&
    !Object.keys(headers).some((name) => PASSED_ON.test(name))
  );
}

/** @param now epoch milliseconds */
export function signInApi(outputs: LocalOutputs, now: () => number): SignInApi {
  const client = boundedClient(DynamoDBClient, {
    endpoint: outputs.dynamoDbEndpoint,
    region: outputs.region,
    credentials: { accessKeyId: "local", secretAccessKey: "local" },
  });
  const registry = new AgentRegistry({ client, ...outputs, now });
  return {
    handle(request, response) {
      if (request.url?.replace(/\?.*/, "") !== SIGN_IN_PATH) return false;
      void answer(request, response, registry, { outputs, now }).catch((error: Error) =>
        respond(response, 500, { message: error.message }),
      );
      return true;
    },
    close: () => client.destroy(),
  };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  registry: AgentRegistry,
  { outputs, now }: { outputs: LocalOutputs; now(): number },
): Promise<void> {
  const refuse = (status: number, message: string) => respond(response, status, { message });
  const { method, headers } = request;
  const host = hostOf(headers.host ?? "");
  if (method !== "POST") return refuse(405, "The method: expected POST");
  // A browser names the page that posts, always: so what names none is no page.
  if (!host || !isFromThisMachine(request) || !isSameOrigin(headers.origin, host)) {
    return refuse(
      403,
      "A sign-in is only for the runtime's own page, in a browser on this machine",
    );
  }
  const body = await readBody(request, MAX_BODY_BYTES);
  const wish = wishIn(body);
  if (!wish) return refuse(400, "The body: expected JSON with organizationId and publicKey");
  try {
    const viewer = await register(registry, wish, now() + VALID_MS);
    const url = new URL(outputs.webSocketUrl);
    url.host = host.text;
    if (headers.origin?.startsWith("https:")) url.protocol = "wss:";
    const signIn: SignIn = { url: url.href, organizationId: wish.organizationId, ...viewer };
    respond(response, 200, signIn, { "Cache-Control": "no-store" });
  } catch (error) {
    if (!(error instanceof AgentHeartbeatError)) throw error;
    refuse(400, error.message);
  }
}

interface Wish {
  organizationId: string;
  publicKey: PublicJwk;
}

function wishIn(body: string | undefined): Wish | undefined {
  try {
    const wish = JSON.parse(body ?? "") as Partial<Wish> | null;
    const { organizationId, publicKey } = wish ?? {};
    if (typeof organizationId !== "string" || typeof publicKey !== "object") return undefined;
    return publicKey ? { organizationId, publicKey } : undefined;
  } catch {
    return undefined;
  }
}

/** Registers a viewer, once for each key: a page asks again when the runtime may have forgotten it. */
async function register(registry: AgentRegistry, wish: Wish, expiresAt: number) {
  const { organizationId, publicKey } = wish;
  const { keyId } = await publicKeyFrom(publicKey);
  const agentId = `viewer-${keyId.slice(0, 16)}`;
  const known = await registry.get({ organizationId, agentId });
  if (!known) {
    await registry.register({
      organizationId,
      agentId,
      publicKey,
      role: "viewer",
      description: "The local dashboard",
      expiresAt,
    });
  }
  return { agentId, keyId, expiresAt: known?.expiresAt ?? expiresAt };
}

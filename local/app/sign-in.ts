/**
 * Signs in the dashboard at its plain address. The page creates a key and sends the public key, which is registered as a
 * temporary viewer; the private key stays in the browser. Only a browser on this machine can sign in this way. Browsers on
 * other machines need a sign-in link.
 */

import type { IncomingMessage, ServerResponse } from "node:http";
import {
  AgentHeartbeatError,
  AgentRegistry,
  type PublicJwk,
  publicKeyFrom,
} from "@agent-heartbeat/sdk/registry";
import { hostOf, isLoopback, isLoopbackName, isSameOrigin } from "../aws/guard";
import { type HttpHandler, readBody, respond } from "../aws/http";
import { type LocalOutputs, localDynamoDb } from "./service";

const SIGN_IN_PATH = "/sign-in";

/** Twelve hours, like a sign-in by `agent-heartbeat dashboard`. */
const VALID_MS = 12 * 3_600_000;

/** More than a public key and an organization id need. */
const MAX_BODY_BYTES = 4096;

/** Headers added by proxies. With one of them, the request may come from another machine. */
const PASSED_ON = /^(forwarded|via|x-forwarded-.*|x-real-ip)$/;

/** What the page needs to connect, besides its key. */
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

/** Whether a request comes from this machine, and was sent to a loopback name. */
export function isFromThisMachine({ headers, socket }: IncomingMessage): boolean {
  return (
    isLoopback(socket.remoteAddress ?? "") &&
    isLoopbackName(hostOf(headers.host ?? "")?.name ?? "") &&
    !Object.keys(headers).some((name) => PASSED_ON.test(name))
  );
}

/** @param now epoch milliseconds */
export function signInApi(outputs: LocalOutputs, now: () => number): SignInApi {
  const client = localDynamoDb(outputs);
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
  // Browsers always send the origin of a page that posts.
  if (!host || !isFromThisMachine(request) || !isSameOrigin(headers.origin, host)) {
    return refuse(
      403,
      "A sign-in is only for the runtime's own page, in a browser on this machine",
    );
  }
  const body = await readBody(request, MAX_BODY_BYTES);
  const wanted = signInRequestIn(body);
  if (!wanted) return refuse(400, "The body: expected JSON with organizationId and publicKey");
  try {
    const viewer = await register(registry, wanted, now() + VALID_MS);
    const url = new URL(outputs.webSocketUrl);
    url.host = host.text;
    if (headers.origin?.startsWith("https:")) url.protocol = "wss:";
    const signIn: SignIn = { url: url.href, organizationId: wanted.organizationId, ...viewer };
    respond(response, 200, signIn, { "Cache-Control": "no-store" });
  } catch (error) {
    if (!(error instanceof AgentHeartbeatError)) throw error;
    refuse(400, error.message);
  }
}

interface SignInRequest {
  organizationId: string;
  publicKey: PublicJwk;
}

function signInRequestIn(body: string | undefined): SignInRequest | undefined {
  try {
    const wanted = JSON.parse(body ?? "") as Partial<SignInRequest> | null;
    const { organizationId, publicKey } = wanted ?? {};
    if (typeof organizationId !== "string" || typeof publicKey !== "object") return undefined;
    return publicKey ? { organizationId, publicKey } : undefined;
  } catch {
    return undefined;
  }
}

/** Registers a viewer once per key. A page signs in again if the runtime may have lost its registration. */
async function register(registry: AgentRegistry, wanted: SignInRequest, expiresAt: number) {
  const { organizationId, publicKey } = wanted;
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

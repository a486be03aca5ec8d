/** The key of an agent that registers itself: it is made where the agent runs, and registered by an enrolment. */

import { createPublicKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import type { Agent } from "node:http";
import { fileURLToPath } from "node:url";
import { ENROLMENT_TOKEN_FORM, readEnrolmentToken } from "../../../core/enrolment-token";
import { writeNewFile } from "../../../core/new-file";
import { kindOfStatus, retryAfterMs } from "../connection/failure";
import type { KeySource } from "../connection/key-source";
import { publicKeyFromJwk, type SigningKey, signingKey } from "../connection/keys";
import { ConfigurationError, KeyError } from "../errors";
import { type AwsIdentity, type ProofMaker, proofMaker } from "./aws-proof";
import { adviceOnEnrolment, EnrolmentRefusedError } from "./enrolment-refusal";
import { checkedHttpUrl } from "./http/http-url";
import { type HttpAnswer, requestJson } from "./http-request";
import { keyIn } from "./key-material";

export interface EnrolledKeyOptions {
  token: string;
  /** The deployment's output `HttpUrl`. */
  httpUrl: string | undefined;
  agentId: string;
  organizationId: string;
  /** The file that keeps the key; undefined to keep it in memory. */
  path: string | URL | undefined;
  passphrase: string | undefined;
  agent: Agent | undefined;
  /** By which role on AWS, if the token has no secret. */
  awsIdentity: AwsIdentity | undefined;
  /** Milliseconds that only grow. */
  now: () => number;
  /** Epoch milliseconds. */
  time: () => number;
  warn(message: string): void;
}

const PRIVATE_MODE = 0o600;

/**
 * Longer than a login attempt, so that a service that is slow, because a whole fleet enrols, is not asked again while it is at it:
 * the next attempt waits for the same answer.
 */
const TIMEOUT_MS = 30_000;

/** How long a refusal holds before the service is asked again: doubled each time, up to the second. */
const REFUSED_MS = { first: 15_000, most: 300_000 };

const REASON = /^[a-z_]{1,40}$/;

/** @throws ConfigurationError if the token or the URL is none, or a role's credentials are missing or of no use */
export function enrolledKey(options: EnrolledKeyOptions): KeySource {
  const { enrolmentId, hasSecret } = checkedToken(options);
  const url = `${checkedHttpUrl(options.httpUrl, "enrolmentToken")}/enrol`;
  const { awsIdentity, time } = options;
  if (hasSecret && awsIdentity) {
    throw new ConfigurationError(
      "option awsIdentity: expected none, because the enrolmentToken has a secret",
    );
  }
  if (!hasSecret && !awsIdentity) {
    throw new ConfigurationError(
      "option awsIdentity: expected an IAM role's credentials, because the enrolmentToken has no secret, got none; is the token cut off?",
    );
  }
  const prove = awsIdentity && proofMaker(awsIdentity, time);
  const key = new EnrolledKey(options, url, enrolmentId, prove);
  const name = `enrolment at ${url}`;
  return { isFunction: true, name, load: () => key.load(), refused: () => key.refused() };
}

class EnrolledKey {
  #inMemory: KeyObject | undefined;
  /** Whether this process has made the key and has not registered it yet, so that no login with it can succeed. */
  #isNew = false;
  #enrolling: Promise<void> | undefined;
  #isEnrolled = false;
  /** Whether the service was asked for the key that was loaded last. */
  #wasAsked = false;
  #refusals = 0;
  #refusal: { error: EnrolmentRefusedError; until: number } | undefined;

  constructor(
    private readonly options: EnrolledKeyOptions,
    private readonly url: string,
    private readonly enrolmentId: string,
    private readonly prove: ProofMaker | undefined,
  ) {}

  async load(): Promise<SigningKey> {
    const key = await this.#key();
    this.#wasAsked = !this.#isEnrolled;
    if (!this.#isEnrolled) {
      this.#enrolling ??= this.#enrol(key).finally(() => {
        this.#enrolling = undefined;
      });
      try {
        await this.#enrolling;
      } catch (error) {
        // A key that was registered may still be valid, or become valid again, whatever happened to the enrolment: the login decides.
        if (this.#isNew) throw error;
        this.options.warn(`${(error as Error).message}; logging in with the key that is there`);
      }
    }
    return signingKey(String(key.export({ type: "pkcs8", format: "pem" })));
  }

  /** A login was refused, perhaps because an ephemeral registration has vanished. Returns whether to try again at once. */
  refused(): boolean {
    if (this.#wasAsked) return false;
    this.#isEnrolled = false;
    return true;
  }

  async #key(): Promise<KeyObject> {
    const { path, passphrase } = this.options;
    if (path === undefined) {
      this.#isNew ||= !this.#inMemory;
      this.#inMemory ??= generateKeyPairSync("ed25519").privateKey;
      return this.#inMemory;
    }
    try {
      if (!existsSync(path)) this.#isNew = await makeKeyFile(path, passphrase);
      return keyIn(await readFile(path), "private", passphrase);
    } catch (cause) {
      throw new KeyError(`the private key at ${path}: ${(cause as Error).message}`, { cause });
    }
  }

  async #enrol(key: KeyObject): Promise<void> {
    const { token, agentId, agent, now } = this.options;
    if (this.#refusal && now() < this.#refusal.until) throw this.#refusal.error;
    const publicKey = createPublicKey(key).export({ type: "spki", format: "pem" });
    const awsProof = await this.#proofFor(key);
    const answer = await requestJson({
      method: "POST",
      url: this.url,
      headers: { Authorization: `Bearer ${token}` },
      body: { agentId, publicKey, awsProof },
      timeoutMs: TIMEOUT_MS,
      agent,
    }).catch((cause) => {
      throw new KeyError(`enrolment at ${this.url}: ${(cause as Error).message}`, { cause });
    });
    if (answer.status !== 200 && answer.status !== 201) throw this.#refuse(answer);
    this.#refusals = 0;
    this.#isNew = false;
    this.#isEnrolled = true;
  }

  async #proofFor(key: KeyObject) {
    if (!this.prove) return undefined;
    const { organizationId, agentId } = this.options;
    const { keyId } = await publicKeyFromJwk(createPublicKey(key).export({ format: "jwk" }));
    const audience = new URL(this.url).origin;
    return this.prove({ audience, organizationId, enrolmentId: this.enrolmentId, agentId, keyId });
  }

  #refuse(answer: HttpAnswer): EnrolmentRefusedError {
    const { status, body } = answer;
    const isFinal = status < 500 && status !== 429;
    const holdMs = isFinal
      ? Math.min(REFUSED_MS.first * 2 ** this.#refusals++, REFUSED_MS.most)
      : Math.min(retryAfterMs(answer, Date.now()), REFUSED_MS.most);
    const reason = reasonIn(answer);
    const why = typeof body.message === "string" ? `: ${body.message}` : "";
    const advice = adviceOnEnrolment(reason, this.prove !== undefined);
    const error = new EnrolmentRefusedError(
      `enrolment at ${this.url} was refused with status ${status}${why}${advice && `; ${advice}`}`,
      status,
      reason,
      holdMs,
    );
    this.#refusal = { error, until: this.options.now() + holdMs };
    return error;
  }
}

/** By the service's word for it, if it gives one. */
function reasonIn({ status, body: { type } }: HttpAnswer): string {
  if (typeof type === "string" && REASON.test(type)) return type;
  return status === 401 ? "unauthorized" : kindOfStatus(status);
}

/** Returns whether the file was made: of several processes that do so at the same moment, all take the first one's key. */
async function makeKeyFile(path: string | URL, passphrase: string | undefined): Promise<boolean> {
  const { privateKey } = generateKeyPairSync("ed25519");
  const encryption = passphrase === undefined ? {} : { cipher: "aes-256-cbc", passphrase };
  const pem = privateKey.export({ type: "pkcs8", format: "pem", ...encryption });
  try {
    await writeNewFile(path instanceof URL ? fileURLToPath(path) : path, String(pem), PRIVATE_MODE);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

/** The token is never repeated in a message. */
function checkedToken({ token, organizationId }: EnrolledKeyOptions) {
  const read = typeof token === "string" ? readEnrolmentToken(token) : undefined;
  if (!read) {
    throw new ConfigurationError(
      `option enrolmentToken: expected ${ENROLMENT_TOKEN_FORM}, got another text; is it cut off?`,
    );
  }
  if (read.organizationId === organizationId) return read;
  throw new ConfigurationError(
    `option enrolmentToken: expected one of organization ${organizationId}, got one of ${read.organizationId}`,
  );
}

/** What a person sees of an error: one sentence, a hint what to do, and an exit code for scripts. */

/** The command's exit codes, as its help lists them. */
export const EXIT = {
  ok: 0,
  failure: 1,
  usage: 2,
  notFound: 3,
  target: 4,
  otherStatus: 5,
} as const;

/** What each exit code means. */
export const EXIT_MEANINGS: Readonly<Record<keyof typeof EXIT, string>> = {
  ok: "done",
  failure: "it failed",
  usage: "wrong usage",
  notFound: "no such agent or enrolment",
  target: "the target is missing, does not respond, or refuses the credentials",
  otherStatus: "the agent's status differs from --status",
};

/** A failure that is explained already. */
export class CliError extends Error {
  override name = "CliError";

  constructor(
    message: string,
    readonly code: number,
    readonly hint?: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** A mistake in how the command was called. */
export function usageError(message: string, hint?: string, options?: ErrorOptions): CliError {
  return new CliError(message, EXIT.usage, hint, options);
}

interface Explanation {
  code: number;
  hint?: string;
}

/** By the name of the error, which AWS and the SDK keep stable. */
const BY_NAME: Readonly<Record<string, Explanation>> = {
  InvalidArgumentError: { code: EXIT.usage },
  ConfigurationError: { code: EXIT.usage },
  UnknownAgentError: { code: EXIT.notFound, hint: "`agents list` shows the registered agents." },
  AgentExistsError: {
    code: EXIT.failure,
    hint: "Add a key with `agents rotate-key`, or `agents remove` it first.",
  },
  IncompleteChangeError: {
    code: EXIT.failure,
    hint: "Run the same command again; where it has made a key, with --public-key and that key's file.",
  },
  UnknownEnrolmentError: { code: EXIT.notFound, hint: "`enrolments list` shows them." },
  UnknownKeyError: { code: EXIT.failure, hint: "`agents get` shows the agent's keys." },
  KeyExistsError: { code: EXIT.failure, hint: "`agents get` shows the agent's keys." },
  LastKeyError: {
    code: EXIT.failure,
    hint: "Use `agents rotate-key` to add another, or `agents disable` to lock the agent out.",
  },
  RemoteError: { code: EXIT.failure },
  RequestTimeoutError: { code: EXIT.failure },
  NoReceiverError: { code: EXIT.failure, hint: "`status` shows who is online." },
  StartAbortedError: { code: EXIT.target, hint: "`doctor` checks the connection." },
  CredentialsProviderError: {
    code: EXIT.target,
    hint: "Set AWS credentials: `aws configure`, `aws sso login`, AWS_PROFILE or --profile.",
  },
  ExpiredTokenException: { code: EXIT.target, hint: "Renew the AWS credentials." },
  ExpiredToken: { code: EXIT.target, hint: "Renew the AWS credentials." },
  UnrecognizedClientException: { code: EXIT.target, hint: "Check the AWS credentials." },
  InvalidClientTokenId: { code: EXIT.target, hint: "Check the AWS credentials." },
  InvalidSignatureException: {
    code: EXIT.target,
    hint: "Check the AWS credentials and this machine's clock.",
  },
  AccessDeniedException: { code: EXIT.target, hint: "The AWS credentials lack this permission." },
  AccessDenied: { code: EXIT.target, hint: "The AWS credentials lack this permission." },
  ResourceNotFoundException: {
    code: EXIT.target,
    hint: "The table does not exist: check the stack and --region, or restart the local service.",
  },
  // The sentence says what to do.
  LocalRuntimeError: { code: EXIT.failure },
  TimeoutError: { code: EXIT.target, hint: "Check the network." },
};

/** By the system's code of a failed connection. */
const BY_SYSTEM_CODE: Readonly<Record<string, Explanation>> = {
  ECONNREFUSED: {
    code: EXIT.target,
    hint: "Is the local service running? `agent-heartbeat local` starts it.",
  },
  ENOTFOUND: { code: EXIT.target, hint: "Check the network and --region." },
  ECONNRESET: { code: EXIT.target, hint: "Try again." },
};

/** The error as one sentence with an exit code, whatever it is. */
export function explain(error: unknown): CliError {
  if (error instanceof CliError) return error;
  const { name, message, code } = asError(error);
  if (message === "Region is missing") {
    const hint = "Add --region, or set AWS_REGION.";
    return new CliError("No AWS region is set.", EXIT.target, hint, { cause: error });
  }
  const known = BY_NAME[name] ?? BY_SYSTEM_CODE[code ?? ""];
  const hint = known ? known.hint : "`--debug` shows the stack trace.";
  return new CliError(oneLine(message || name), known?.code ?? EXIT.failure, hint, {
    cause: error,
  });
}

interface Named {
  name: string;
  message: string;
  code?: unknown;
  cause?: unknown;
  errors?: unknown[];
}

/** The first error in the chain of causes that is known by name or code, else the error itself. */
function asError(error: unknown): { name: string; message: string; code?: string } {
  for (let link = error; isNamed(link); link = link.cause ?? link.errors?.[0]) {
    const code = String(link.code);
    const known = link.name in BY_NAME || code in BY_SYSTEM_CODE;
    // A connection to a name with several addresses fails with an error for each, and no message.
    if (known) return { name: link.name, message: link.message || code, code };
  }
  return isNamed(error) ? error : { name: "Error", message: String(error) };
}

/** By its form, for an error may come from another realm. */
function isNamed(error: unknown): error is Named & { code?: string } {
  return typeof error === "object" && error !== null && "name" in error && "message" in error;
}

function oneLine(text: string): string {
  return text.split("\n", 1)[0] ?? text;
}

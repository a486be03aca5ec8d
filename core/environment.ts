/** The environment variables that the stack sets and the functions read. */

/** Names that end in `_MS` are times in milliseconds. */
export interface FunctionEnvironment {
  /** The dimension `deployment` of the function's metrics. */
  DEPLOYMENT?: string;
  /** The dimension `service` of the function's metrics; read by the metrics library. */
  POWERTOOLS_SERVICE_NAME?: string;

  STATUS_TABLE_NAME?: string;
  REGISTRY_TABLE_NAME?: string;
  SUBSCRIPTIONS_TABLE_NAME?: string;
  EVENT_BUS_NAME?: string;
  /** Endpoint of `@connections`: `https://<api>.execute-api.<region>.amazonaws.com/<stage>`. */
  CALLBACK_URL?: string;
  /** The URL that clients use instead of the API's own. Absent without a custom domain. */
  CUSTOM_DOMAIN_URL?: string;

  /** The URL that clients use instead of the function's own. Absent without a custom domain. */
  CUSTOM_HTTP_URL?: string;

  /** A stand-in for AWS STS, as the AWS SDKs name it. Only a local runtime sets it. */
  AWS_ENDPOINT_URL_STS?: string;

  DEFAULT_HEARTBEAT_INTERVAL_MS?: string;
  DEFAULT_HEARTBEAT_TIMEOUT_MULTIPLIER?: string;
  MIN_HEARTBEAT_INTERVAL_MS?: string;
  MAX_HEARTBEAT_INTERVAL_MS?: string;
  CONNECTS_PER_SECOND?: string;
  MAX_RECONNECT_WINDOW_MS?: string;

  /** How long the row of an offline agent is kept. */
  RETENTION_MS?: string;
  SWEEP_INTERVAL_MS?: string;
  /** Absent, like the two below, if self-preservation is off. */
  SELF_PRESERVATION_SHARE?: string;
  SELF_PRESERVATION_MINIMUM?: string;
  SELF_PRESERVATION_HOLD_MS?: string;
}

export type EnvironmentVariable = keyof FunctionEnvironment;

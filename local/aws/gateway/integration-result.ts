/** What every integration of a route comes to. */

/** An integration's answer. */
export interface IntegrationResult {
  statusCode: number;
  headers: Record<string, string>;
  body?: string;
}

/** @throws Error if the integration fails, takes too long, or its answer has no status code */
export type Integration = (event: unknown) => Promise<IntegrationResult>;

/** The result of a route's integration. */

export interface IntegrationResult {
  statusCode: number;
  headers: Record<string, string>;
  body?: string;
}

/** @throws Error if the integration fails, times out, or returns no status code */
export type Integration = (event: unknown) => Promise<IntegrationResult>;

/** The URL of the deployment's HTTP endpoint, as it is given. */

import { ConfigurationError } from "../../errors";
import { show } from "../../user-code";

/** Where the URL is found that is not in the program. */
const URL_VARIABLE = "AGENT_HEARTBEAT_HTTP_URL";

/** The option, else the environment variable. */
export const givenHttpUrl = (option: string | undefined) =>
  option ?? (process.env[URL_VARIABLE]?.trim() || undefined);

/**
 * The URL without a slash at its end.
 *
 * @param user what needs the URL, for the error
 * @throws ConfigurationError if it is none
 */
export function checkedHttpUrl(httpUrl: string | undefined, user: string): string {
  const isText = typeof httpUrl === "string" && /^https?:\/\//i.test(httpUrl);
  if (isText && URL.canParse(httpUrl)) return httpUrl.replace(/\/+$/, "");
  throw new ConfigurationError(
    `option httpUrl: expected the https:// URL of the deployment (its output HttpUrl), which ${user} needs, got ${show(httpUrl)}`,
  );
}

/** The IAM role that the command runs with, by which simulated agents register themselves. */

import type { AwsIdentity } from "@agent-heartbeat/sdk";
import { usageError } from "../failure";
import type { Io } from "../io";
import type { TargetOptions } from "../options/target-options";

/**
 * Found where all AWS tools look, also if the deployment is a local service.
 *
 * @throws CliError if the credentials are not a role's
 */
export async function callersRole(
  { region, profile }: TargetOptions,
  io: Io,
): Promise<AwsIdentity> {
  const client = await io.clients.dynamoDb({
    ...(region && { region }),
    ...(profile && { profile }),
  });
  const { config } = client;
  const credentials = () => config.credentials();
  const { sessionToken } = await credentials();
  if (!sessionToken) {
    throw usageError(
      "The token has no secret, and stands for IAM roles: expected AWS credentials of a role, got a user's.",
      "Assume one of the enrolment's roles, or name it by --profile; `enrolments list` shows the roles.",
    );
  }
  return { credentials, region: await config.region() };
}

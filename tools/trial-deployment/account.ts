/** Checks whether the AWS account can be deployed to. */

import { DescribeStacksCommand } from "@aws-sdk/client-cloudformation";
import { GetAccountSettingsCommand } from "@aws-sdk/client-lambda";
import type { Clients } from "./clients";

const BOOTSTRAP_STACK = "CDKToolkit";
const BOOTSTRAP_OUTPUT = "BootstrapVersion";

/** The suite connects two hundred agents at once. */
const CONCURRENCY_NEEDED = 100;

export interface Account {
  id: string;
  region: string;
}

/** The account is not ready. The message says why, and what to do. */
class NotReady extends Error {}

/**
 * @throws NotReady if credentials or region are missing, or the CDK bootstrap is missing or too old
 */
export async function accountOf(
  { cloudFormation }: Pick<Clients, "cloudFormation">,
  requiredBootstrapVersion: number,
): Promise<Account> {
  const region = await cloudFormation.config.region().catch(() => {
    throw new NotReady(
      "No AWS region is set. Set AWS_REGION, or AWS_PROFILE to a profile with one.",
    );
  });
  await cloudFormation.config.credentials().catch((cause: Error) => {
    throw new NotReady(
      `There are no AWS credentials (${cause.message}). Set AWS_PROFILE, or AWS_ACCESS_KEY_ID and ` +
        "AWS_SECRET_ACCESS_KEY. Without an account, run `npm run test:ministack`.",
      { cause },
    );
  });
  const bootstrap = "Run `npx cdk bootstrap` with the same credentials.";
  const stack = await cloudFormation
    .send(new DescribeStacksCommand({ StackName: BOOTSTRAP_STACK }))
    .then(
      ({ Stacks: [found] = [] }) => found,
      (cause: Error) => {
        if (/does not exist/.test(cause.message)) return undefined;
        throw new NotReady(`AWS denies access to ${BOOTSTRAP_STACK}: ${cause.message}`, {
          cause,
        });
      },
    );
  const id = stack?.StackId?.split(":")[4];
  if (!id)
    throw new NotReady(`${region} of this account is not bootstrapped for CDK. ${bootstrap}`);
  const output = stack?.Outputs?.find(({ OutputKey }) => OutputKey === BOOTSTRAP_OUTPUT);
  const version = Number(output?.OutputValue);
  if (!(version >= requiredBootstrapVersion)) {
    throw new NotReady(
      `The bootstrap of ${region} is version ${output?.OutputValue ?? "unknown"}, and ` +
        `${requiredBootstrapVersion} is needed. ${bootstrap}`,
    );
  }
  return { id, region };
}

/** Limits of the account that will make tests fail, one sentence each. */
export async function warningsOf({ lambda }: Pick<Clients, "lambda">): Promise<string[]> {
  const { AccountLimit } = await lambda.send(new GetAccountSettingsCommand({}));
  const concurrency = AccountLimit?.ConcurrentExecutions;
  if (concurrency === undefined || concurrency >= CONCURRENCY_NEEDED) return [];
  return [
    `Lambda runs ${concurrency} functions at once in this account: the tests of many agents will be throttled. ` +
      'Ask for 1,000 in Service Quotas, "Concurrent executions" of AWS Lambda.',
  ];
}

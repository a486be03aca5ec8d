/** IAM roles by which processes on AWS register themselves, and the identity that STS says such a process has. */

/** A role as identities are compared with it: by partition, account and name. */
interface AwsRole {
  partition: string;
  accountId: string;
  name: string;
}

/** A process that has assumed a role. */
export interface AssumedRole extends AwsRole {
  /** The instance id on EC2, the function's name on Lambda, the task's id on ECS; otherwise chosen by whoever assumes the role. */
  sessionName: string;
}

/** A path without `*` and `?`, which could be mistaken for wildcards. */
const ROLE =
  /^arn:(aws(?:-[a-z]{1,10}){0,2}):iam::(\d{12}):role\/(?:[!-)+->@-~]{1,510}\/)?([\w+=,.@-]{1,64})$/;
const ASSUMED_ROLE =
  /^arn:(aws(?:-[a-z]{1,10}){0,2}):sts::(\d{12}):assumed-role\/([\w+=,.@-]{1,64})\/([\w+=,.@-]{2,64})$/;

/** The form of a role's ARN, for error messages. */
export const ROLE_ARN_FORM =
  "the ARN of an IAM role such as arn:aws:iam::123456789012:role/worker, without wildcards";

/** How many roles an enrolment may name. */
export const MOST_ROLES = 20;

/** The role of an ARN. Undefined for what is no role's ARN. */
export function readRoleArn(arn: string): AwsRole | undefined {
  const [, partition = "", accountId = "", name = ""] = ROLE.exec(arn) ?? [];
  return name ? { partition, accountId, name } : undefined;
}

/** The identity in an ARN of STS. Undefined for a user, a root user, a federated user, and for what is no ARN. */
export function readAssumedRole(arn: string): AssumedRole | undefined {
  const [, partition = "", accountId = "", name = "", sessionName = ""] =
    ASSUMED_ROLE.exec(arn) ?? [];
  return name ? { partition, accountId, name, sessionName } : undefined;
}

/**
 * Whether an identity has assumed a role. STS leaves out the role's path, so that the path of the ARN is not compared. That
 * admits no other role, because names are unique in an account, whatever the path
 * (https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html).
 */
export function hasAssumed(identity: AssumedRole, roleArn: string): boolean {
  const role = readRoleArn(roleArn);
  return (
    role !== undefined &&
    role.partition === identity.partition &&
    role.accountId === identity.accountId &&
    role.name === identity.name
  );
}

/** The ARN of an identity's role, without its path. */
export const roleArnOf = ({ partition, accountId, name }: AwsRole): string =>
  `arn:${partition}:iam::${accountId}:role/${name}`;

/** A presigned `GetCallerIdentity` request, by which a process proves to another service which role it has on AWS. */

/** What binds a proof: it is good for one deployment, and there for one key of one agent. */
export interface ProofBinding {
  /** The deployment's HTTP URL. */
  audience: string;
  organizationId: string;
  enrolmentId: string;
  agentId: string;
  /** The RFC 7638 thumbprint of the agent's public key. */
  keyId: string;
}

/** The header that is signed, and that the service sends to STS with the value that it expects. */
export const BINDING_HEADER = "x-agent-heartbeat-enrolment";

/** The value of the header. None of its parts can contain a space. */
export const bindingValue = ({
  audience,
  organizationId,
  enrolmentId,
  agentId,
  keyId,
}: ProofBinding): string => [audience, organizationId, enrolmentId, agentId, keyId].join(" ");

/** For how long a proof may be valid, and by how much the clocks may differ, in seconds. */
export const PROOF_SECONDS = 300;

/** The parameters of every proof that never differ. */
export const FIXED_PARAMETERS: Readonly<Record<string, string>> = {
  Action: "GetCallerIdentity",
  Version: "2011-06-15",
  "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
  "X-Amz-SignedHeaders": `host;${BINDING_HEADER}`,
};

/** The largest proof, in characters. Most of it is the session token. */
export const MOST_PROOF_CHARACTERS = 12_000;

const REGION = /^[a-z]{2,4}(?:-[a-z]{1,12}){1,3}-\d{1,2}$/;

/** Partitions by the start of their regions' names; all other regions are of the partition `aws`. */
const PARTITIONS = [
  { start: "cn-", partition: "aws-cn", domain: "amazonaws.com.cn" },
  { start: "us-gov-", partition: "aws-us-gov", domain: "amazonaws.com" },
  { start: "eusc-", partition: "aws-eusc", domain: "amazonaws.eu" },
  { start: "us-iso-", partition: "aws-iso", domain: "c2s.ic.gov" },
  { start: "us-isob-", partition: "aws-iso-b", domain: "sc2s.sgov.gov" },
  { start: "eu-isoe-", partition: "aws-iso-e", domain: "cloud.adc-e.uk" },
  { start: "us-isof-", partition: "aws-iso-f", domain: "csp.hci.ic.gov" },
];

/** Where STS is in a region. Undefined for what can't be a region's name. */
export function stsIn(region: string): { host: string; partition: string } | undefined {
  if (!REGION.test(region)) return undefined;
  const { partition, domain } = PARTITIONS.find(({ start }) => region.startsWith(start)) ?? {
    partition: "aws",
    domain: "amazonaws.com",
  };
  return { host: `sts.${region}.${domain}`, partition };
}

/** Percent-encodes as AWS signs: all but letters, digits and `-._~` (RFC 3986). */
const encodeRfc3986 = (text: string): string =>
  encodeURIComponent(text).replace(
    /[!'()*]/g,
    (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`,
  );

/** A query string in the order that AWS signs. */
export const queryOf = (parameters: Readonly<Record<string, string>>): string =>
  Object.entries(parameters)
    .map(([name, value]) => `${encodeRfc3986(name)}=${encodeRfc3986(value)}`)
    .sort()
    .join("&");

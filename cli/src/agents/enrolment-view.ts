/** How an enrolment is shown. */

import type { Enrolment } from "@agent-heartbeat/sdk/registry";
import { duration, moment, relative } from "../terminal/durations";
import type { Printer } from "../terminal/printer";
import type { Column, Field } from "../terminal/table";

/** Names and values of one enrolment. */
export function enrolmentFields(enrolment: Enrolment, now: number): Field[] {
  const { expiresAt, ephemeralMs, description, roleArns = [] } = enrolment;
  return [
    ["enrolment", enrolment.enrolmentId],
    ["organization", enrolment.organizationId],
    ["agents", enrolment.agents],
    ...roleArns.map((arn) => ["IAM role", arn] as const),
    ["role", enrolment.role],
    ["uses", usesOf(enrolment)],
    ["ends", `${moment(expiresAt)} (${relative(expiresAt, now)})`],
    ...(ephemeralMs === undefined
      ? []
      : [["ephemeral", `${duration(ephemeralMs)} after an agent was last seen`] as const]),
    ...(description ? [["description", description] as const] : []),
  ];
}

/** Columns of a table of enrolments. */
export function enrolmentColumns(now: number, printer: Printer): Column<Enrolment>[] {
  const { green, dim, bold } = printer.colours;
  return [
    { title: "ENROLMENT", text: ({ enrolmentId }) => enrolmentId, paint: (text) => bold(text) },
    { title: "AGENTS", text: ({ agents }) => agents, cut: "middle" },
    { title: "ROLE", text: ({ role }) => role },
    { title: "BY", text: ({ roleArns }) => rolesOf(roleArns), cut: "middle" },
    { title: "USED", text: usesOf },
    {
      title: "STATE",
      text: (enrolment) => stateOf(enrolment, now),
      paint: (text) => (text.startsWith("open") ? green(text) : dim(text)),
    },
    {
      title: "EPHEMERAL",
      text: ({ ephemeralMs }) => (ephemeralMs === undefined ? "-" : duration(ephemeralMs)),
    },
    { title: "DESCRIPTION", text: ({ description }) => description ?? "", cut: "end" },
  ];
}

const rolesOf = ([first = "token", ...others]: readonly string[] = []) =>
  others.length === 0 ? first : `${first} +${others.length}`;

const usesOf = ({ used, uses }: Enrolment) => `${used} of ${uses}`;

function stateOf({ revokedAt, expiresAt, used, uses }: Enrolment, now: number): string {
  if (revokedAt !== undefined) return "revoked";
  if (expiresAt <= now) return "expired";
  if (used >= uses) return "used up";
  return `open, ends ${relative(expiresAt, now)}`;
}

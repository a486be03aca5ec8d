/** Generates the tables of docs/construct.md from the construct's types and methods. */

import { join } from "node:path";
import ts from "typescript";
import { DEFAULT_THROTTLING, ROUTE_SHARES, routeLimits } from "../../lib/settings";
import { ROUTES } from "../../lib/throttling-props";
import { commentOf, fieldTable, interfacesOf, parse, required, table } from "./fields";

const LIB = join(__dirname, "..", "..", "lib");

/** The text of each generated block, by its name. */
export function constructBlocks(): Record<string, string> {
  const sources = [
    "props",
    "throttling-props",
    "custom-domain",
    "existing-tables",
    "status-table-capacity",
  ].map((name) => parse(join(LIB, `${name}.ts`)));
  const interfaces = interfacesOf(...sources);
  const fields = (name: string) => fieldTable(required(interfaces, name), interfaces);
  return {
    props: fields("AgentHeartbeatProps"),
    heartbeat: fields("HeartbeatProps"),
    "self-preservation": fields("SelfPreservationProps"),
    throttling: fields("ThrottlingProps"),
    "route-limits": routeTable(),
    "reserved-concurrency": fields("ReservedConcurrencyProps"),
    reconnect: fields("ReconnectProps"),
    "custom-domain": fields("CustomDomainProps"),
    tables: fields("ExistingTables"),
    "status-table-capacity": fields("StatusTableCapacity"),
    members: memberTable(),
  };
}

/** The default limits of each route. */
function routeTable(): string {
  const limits = routeLimits(DEFAULT_THROTTLING);
  const cell = (share: number, limit = 0) => `${limit} (${Math.round(share * 100)} %)`;
  return table(
    ["route", "a second", "at once"],
    ROUTES.map((route) => [
      `\`${route}\``,
      cell(ROUTE_SHARES[route].rate, limits[route]?.rateLimit),
      cell(ROUTE_SHARES[route].burst, limits[route]?.burstLimit),
    ]),
  );
}

/** The public attributes and methods of the construct. */
function memberTable(): string {
  const construct = parse(join(LIB, "agent-heartbeat.ts")).statements.find(ts.isClassDeclaration);
  if (!construct) throw new Error("agent-heartbeat.ts: expected a class, got none");
  const isShown = ({ name }: ts.ClassElement) =>
    name !== undefined && !ts.isPrivateIdentifier(name);
  const does = (member: ts.ClassElement) => commentOf(member).replace(/\s+/g, " ").trim();
  const typeOf = (type: ts.TypeNode | undefined) =>
    `\`${(type?.getText() ?? "unknown").replaceAll("|", "\\|")}\``;
  const attributes = construct.members
    .filter(ts.isPropertyDeclaration)
    .filter(isShown)
    .map((member) => [`\`${member.name.getText()}\``, typeOf(member.type), does(member)]);
  const methods = construct.members
    .filter(ts.isMethodDeclaration)
    .filter(isShown)
    .map((method) => {
      const parameters = method.parameters
        .map(({ name, questionToken }) => `${name.getText()}${questionToken ? "?" : ""}`)
        .join(", ");
      return [`\`${method.name.getText()}(${parameters})\``, typeOf(method.type), does(method)];
    });
  return table(["member", "type", "what it is, or does"], [...attributes, ...methods]);
}

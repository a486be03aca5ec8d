/** Generates the tables of docs/protocol.md from the types that client and server share. */

import { join } from "node:path";
import { ROLES } from "@agent-heartbeat/sdk/protocol";
import ts from "typescript";
import { HEARTBEAT, LIMITS, RATES, UNKNOWN_RATE } from "../../core/limits";
import { PERMISSIONS } from "../../core/roles";
import {
  commentOf,
  docOf,
  fieldsOf,
  fieldTable,
  type Interfaces,
  interfacesOf,
  parse,
  required,
  table,
} from "./fields";

const CORE = join(__dirname, "../../core");

/** The text of each generated block, by its name. */
export function protocolBlocks(): Record<string, string> {
  const [messages, presence, login, limits] = [
    "protocol",
    "presence",
    "login-claims",
    "limits",
  ].map((name) => parse(join(CORE, `${name}.ts`))) as [
    ts.SourceFile,
    ts.SourceFile,
    ts.SourceFile,
    ts.SourceFile,
  ];
  const interfaces = interfacesOf(messages, presence, login);
  const sent = (union: string) =>
    membersOf(messages, union)
      .map((name) => messageSection(required(interfaces, name), interfaces))
      .join("\n\n");
  const fields = (name: string) => fieldTable(required(interfaces, name), interfaces);
  return {
    "from-clients": sent("ClientMessage"),
    "from-the-server": sent("ServerMessage"),
    agent: fields("AgentPresence"),
    activity: fields("Activity"),
    "mass-expiry": fields("MassExpiry"),
    profile: fields("Profile"),
    transition: fields("Transition"),
    "online-count": fields("OnlineCount"),
    claims: fields("LoginClaims"),
    errors: bulletsOf(messages, "ErrorCode"),
    reasons: bulletsOf(presence, "OfflineReason"),
    permissions: permissionTable(),
    rates: rateTable(),
    limits: [
      constantTable(limits, "LIMITS", LIMITS),
      constantTable(limits, "HEARTBEAT", HEARTBEAT),
    ].join("\n\n"),
  };
}

function messageSection(node: ts.InterfaceDeclaration, interfaces: Interfaces): string {
  const [type] = fieldsOf(node, interfaces).filter(({ name }) => name === "type");
  const title = type?.type.replaceAll('"', "") ?? node.name.text;
  return [`### ${title}`, docOf(node), fieldTable(node, interfaces)].join("\n\n");
}

function permissionTable(): string {
  const types = [...new Set(Object.values(PERMISSIONS).flat())];
  const rows = types.map((type) => [
    `\`${type}\``,
    ...ROLES.map((role) => (PERMISSIONS[role].includes(type) ? "yes" : "no")),
  ]);
  return table(["message", ...ROLES], rows);
}

function rateTable(): string {
  const rows = [...Object.entries(RATES), ["anything else", UNKNOWN_RATE] as const].map(
    ([type, { perSecond, burst }]) => [
      type === "anything else" ? type : `\`${type}\``,
      String(perSecond),
      String(burst),
    ],
  );
  return table(["message", "a second", "at once"], rows);
}

function constantTable(source: ts.SourceFile, name: string, values: object): string {
  const declaration = source.statements
    .filter(ts.isVariableStatement)
    .flatMap(({ declarationList }) => [...declarationList.declarations])
    .find((candidate) => candidate.name.getText() === name);
  const initializer = declaration?.initializer;
  const literal =
    initializer && ts.isAsExpression(initializer) ? initializer.expression : initializer;
  if (!literal || !ts.isObjectLiteralExpression(literal)) throw new Error(`no object ${name}`);
  const docs = new Map(
    literal.properties.map((property) => [property.name?.getText(), docOf(property)]),
  );
  const rows = Object.entries(values).map(([key, value]) => [
    `\`${key}\``,
    String(value),
    docs.get(key) ?? "",
  ]);
  return table(["limit", "value", "meaning"], rows);
}

/** The member names of a union type. */
function membersOf(source: ts.SourceFile, name: string): string[] {
  const { type } = aliasOf(source, name);
  if (!ts.isUnionTypeNode(type)) throw new Error(`${name} is not a union`);
  return type.types.map((member) => member.getText());
}

/** The bullet list in a type's comment, checked against the type's members. */
function bulletsOf(source: ts.SourceFile, name: string): string {
  const alias = aliasOf(source, name);
  const bullets = commentOf(alias)
    .split("\n")
    .filter((line) => line.startsWith("- "));
  const described = bullets.map((line) => /`([a-z_]+)`/.exec(line)?.[1]);
  const members = membersOf(source, name).map((member) => member.replaceAll('"', ""));
  if (described.join() !== members.join()) {
    throw new Error(`the comment of ${name} describes ${described}, but the type has ${members}`);
  }
  return bullets.join("\n");
}

function aliasOf(source: ts.SourceFile, name: string): ts.TypeAliasDeclaration {
  const alias = source.statements
    .filter(ts.isTypeAliasDeclaration)
    .find((candidate) => candidate.name.text === name);
  if (!alias) throw new Error(`no type ${name}`);
  return alias;
}

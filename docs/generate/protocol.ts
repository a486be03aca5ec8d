/** Renders the tables of docs/protocol.md from the types that client and server are compiled against. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import {
  HEARTBEAT,
  LIMITS,
  PERMISSIONS,
  RATES,
  ROLES,
  UNKNOWN_RATE,
} from "@agent-heartbeat/sdk/protocol";
import ts from "typescript";

const SOURCE = join(__dirname, "..", "..", "sdk", "src", "protocol.ts");

/** The text of each generated block, by its name. */
export function protocolBlocks(): Record<string, string> {
  const source = ts.createSourceFile(
    SOURCE,
    readFileSync(SOURCE, "utf8"),
    ts.ScriptTarget.Latest,
    true,
  );
  const interfaces = new Map(
    source.statements.filter(ts.isInterfaceDeclaration).map((node) => [node.name.text, node]),
  );
  const sent = (union: string) =>
    membersOf(source, union)
      .map((name) => messageSection(required(interfaces, name), interfaces))
      .join("\n\n");
  const fields = (name: string) => fieldTable(required(interfaces, name), interfaces);
  return {
    "from-clients": sent("ClientMessage"),
    "from-the-server": sent("ServerMessage"),
    agent: fields("AgentPresence"),
    activity: fields("Activity"),
    profile: fields("Profile"),
    transition: fields("Transition"),
    claims: fields("LoginClaims"),
    errors: bulletsOf(source, "ErrorCode"),
    reasons: bulletsOf(source, "OfflineReason"),
    permissions: permissionTable(),
    rates: rateTable(),
    limits: [
      constantTable(source, "LIMITS", LIMITS),
      constantTable(source, "HEARTBEAT", HEARTBEAT),
    ].join("\n\n"),
  };
}

function messageSection(
  node: ts.InterfaceDeclaration,
  interfaces: Map<string, ts.InterfaceDeclaration>,
): string {
  const [type] = fieldsOf(node, interfaces).filter(({ name }) => name === "type");
  const title = type?.type.replaceAll('"', "") ?? node.name.text;
  return [`### ${title}`, docOf(node), fieldTable(node, interfaces)].join("\n\n");
}

function fieldTable(
  node: ts.InterfaceDeclaration,
  interfaces: Map<string, ts.InterfaceDeclaration>,
): string {
  const rows = fieldsOf(node, interfaces)
    .filter(({ name }) => name !== "type")
    .map(({ name, type, optional, doc }) => [
      `\`${name}\`${optional ? " (optional)" : ""}`,
      `\`${type.replaceAll("|", "\\|")}\``,
      doc,
    ]);
  return rows.length === 0 ? "No fields." : table(["field", "type", "meaning"], rows);
}

interface Field {
  name: string;
  type: string;
  optional: boolean;
  doc: string;
}

/** An interface's own fields, and those that it takes from others. */
function fieldsOf(
  node: ts.InterfaceDeclaration,
  interfaces: Map<string, ts.InterfaceDeclaration>,
): Field[] {
  const own = node.members.filter(ts.isPropertySignature).map((member) => ({
    name: member.name.getText(),
    type: (member.type?.getText() ?? "unknown").replace(/\s+/g, " ").replace(/^\| /, ""),
    optional: member.questionToken !== undefined,
    doc: docOf(member),
  }));
  const inherited = (node.heritageClauses ?? [])
    .flatMap(({ types }) => types)
    .flatMap((type) => inheritedFields(type, interfaces));
  const names = new Set(own.map(({ name }) => name));
  return [...own, ...inherited.filter(({ name }) => !names.has(name))];
}

/** Understands `extends A` and `extends Omit<A, "b" | "c">`. */
function inheritedFields(
  { expression, typeArguments = [] as never }: ts.ExpressionWithTypeArguments,
  interfaces: Map<string, ts.InterfaceDeclaration>,
): Field[] {
  const name = expression.getText();
  if (name !== "Omit") return fieldsOf(required(interfaces, name), interfaces);
  const [base, omitted] = typeArguments.map((argument: ts.TypeNode) => argument.getText());
  return fieldsOf(required(interfaces, base ?? ""), interfaces).filter(
    (field) => !omitted?.includes(`"${field.name}"`),
  );
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

/** The names in a union of types. */
function membersOf(source: ts.SourceFile, name: string): string[] {
  const { type } = aliasOf(source, name);
  if (!ts.isUnionTypeNode(type)) throw new Error(`${name} is no union`);
  return type.types.map((member) => member.getText());
}

/** The list in the comment of a type: its members, each with its meaning. */
function bulletsOf(source: ts.SourceFile, name: string): string {
  const alias = aliasOf(source, name);
  const bullets = commentOf(alias)
    .split("\n")
    .filter((line) => line.startsWith("- "));
  const described = bullets.map((line) => /`([a-z_]+)`/.exec(line)?.[1]);
  const members = membersOf(source, name).map((member) => member.replaceAll('"', ""));
  if (described.join() !== members.join()) {
    throw new Error(`the comment of ${name} describes ${described}, and it has ${members}`);
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

function required<T>(map: Map<string, T>, name: string): T {
  const value = map.get(name);
  if (!value) throw new Error(`no interface ${name}`);
  return value;
}

/** A comment in one line, with its default. */
function docOf(node: ts.Node): string {
  const text = commentOf(node).replace(/\s+/g, " ").trim();
  const tags = ts
    .getJSDocTags(node)
    .filter(({ tagName }) => tagName.text === "default")
    .map(({ comment }) => `Default: \`${ts.getTextOfJSDocComment(comment) ?? ""}\`.`);
  return [text, ...tags].filter(Boolean).join(" ");
}

function commentOf(node: ts.Node): string {
  const [doc] = ts.getJSDocCommentsAndTags(node).filter(ts.isJSDoc);
  return (doc && ts.getTextOfJSDocComment(doc.comment)) ?? "";
}

function table(header: string[], rows: string[][]): string {
  const line = (cells: string[]) => `| ${cells.join(" | ")} |`;
  return [line(header), line(header.map(() => "---")), ...rows.map(line)].join("\n");
}

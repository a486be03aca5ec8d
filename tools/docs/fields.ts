/** Generates tables of an interface's fields from the comments in its source. */

import { readFileSync } from "node:fs";
import ts from "typescript";

/** The interfaces of a module by name. */
export type Interfaces = Map<string, ts.InterfaceDeclaration>;

export function parse(file: string): ts.SourceFile {
  return ts.createSourceFile(file, readFileSync(file, "utf8"), ts.ScriptTarget.Latest, true);
}

export const interfacesOf = (...sources: ts.SourceFile[]): Interfaces =>
  new Map(
    sources
      .flatMap(({ statements }) => statements.filter(ts.isInterfaceDeclaration))
      .map((node) => [node.name.text, node]),
  );

export function fieldTable(node: ts.InterfaceDeclaration, interfaces: Interfaces): string {
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

/** An interface's own and inherited fields. */
export function fieldsOf(node: ts.InterfaceDeclaration, interfaces: Interfaces): Field[] {
  const own = node.members.filter(ts.isPropertySignature).map((member) => ({
    name: member.name.getText(),
    type: typeOf(member),
    optional: member.questionToken !== undefined,
    doc: docOf(member),
  }));
  const inherited = (node.heritageClauses ?? [])
    .flatMap(({ types }) => types)
    .flatMap((type) => inheritedFields(type, interfaces));
  const names = new Set(own.map(({ name }) => name));
  return [...own, ...inherited.filter(({ name }) => !names.has(name))];
}

/** The type as it is written, without the undefined of an optional field. */
const typeOf = ({ type, questionToken }: ts.PropertySignature) => {
  const text = (type?.getText() ?? "unknown").replace(/\s+/g, " ").replace(/^\| /, "");
  return questionToken ? text.replace(/ \| undefined$/, "").replace(/^\((.*=>.*)\)$/, "$1") : text;
};

/** Supports `extends A` and `extends Omit<A, "b" | "c">`. */
function inheritedFields(
  { expression, typeArguments = [] as never }: ts.ExpressionWithTypeArguments,
  interfaces: Interfaces,
): Field[] {
  const name = expression.getText();
  if (name !== "Omit") return fieldsOf(required(interfaces, name), interfaces);
  const [base, omitted] = typeArguments.map((argument: ts.TypeNode) => argument.getText());
  return fieldsOf(required(interfaces, base ?? ""), interfaces).filter(
    (field) => !omitted?.includes(`"${field.name}"`),
  );
}

export function required<T>(map: Map<string, T>, name: string): T {
  const value = map.get(name);
  if (!value) throw new Error(`no interface ${name}`);
  return value;
}

/** The comment as one line, followed by its default. */
export function docOf(node: ts.Node): string {
  const text = commentOf(node).replace(/\s+/g, " ").trim();
  const tags = ts
    .getJSDocTags(node)
    .filter(({ tagName }) => tagName.text === "default")
    .map(({ comment }) => `Default: ${defaultIn(ts.getTextOfJSDocComment(comment) ?? "")}.`);
  return [text, ...tags].filter(Boolean).join(" ");
}

/** A default given as a value, described in words after a dash, or both. */
function defaultIn(text: string): string {
  const [value = "", ...words] = text.split(/(?:^| )- /);
  const description = words.join(" - ").replace(/\.$/, "");
  return [value && `\`${value}\``, description].filter(Boolean).join(", ");
}

export function commentOf(node: ts.Node): string {
  const [doc] = ts.getJSDocCommentsAndTags(node).filter(ts.isJSDoc);
  return (doc && ts.getTextOfJSDocComment(doc.comment)) ?? "";
}

export function table(header: string[], rows: string[][]): string {
  const line = (cells: string[]) => `| ${cells.join(" | ")} |`;
  return [line(header), line(header.map(() => "---")), ...rows.map(line)].join("\n");
}

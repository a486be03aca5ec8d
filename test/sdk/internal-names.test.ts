/** The browser build shortens some names: that must not reach a name that an application or the service uses. */

import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { beforeAll, describe, expect, it } from "@jest/globals";
import ts from "typescript";

const root = join(__dirname, "..", "..");
/** What pages import, and what travels. */
const PUBLIC = ["sdk/src/browser.ts", "sdk/src/fleet/browser.ts", "sdk/src/protocol.ts"];

let shortNames: Record<string, string>;
let names: string[];
let sources: ts.SourceFile[];
let checker: ts.TypeChecker;
const isPublic = new Set<string>();
const seen = new Set<ts.Type>();

beforeAll(async () => {
  const list = pathToFileURL(join(root, "sdk", "internal-names.mjs")).href;
  shortNames = (await import(list)).SHORT_NAMES;
  names = Object.keys(shortNames);
  const files = PUBLIC.map((file) => join(root, file));
  const program = ts.createProgram(files, {
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    target: ts.ScriptTarget.ES2024,
    lib: ["lib.es2024.d.ts", "lib.dom.d.ts"],
    types: [],
    strict: true,
  });
  checker = program.getTypeChecker();
  sources = program.getSourceFiles().filter(({ isDeclarationFile }) => !isDeclarationFile);
  for (const file of files) {
    const module = checker.getSymbolAtLocation(program.getSourceFile(file) as ts.SourceFile);
    for (const each of checker.getExportsOfModule(module as ts.Symbol)) {
      const isAlias = each.flags & ts.SymbolFlags.Alias;
      const symbol = isAlias ? checker.getAliasedSymbol(each) : each;
      if (symbol.flags & ts.SymbolFlags.Type) visit(checker.getDeclaredTypeOfSymbol(symbol));
      if (symbol.valueDeclaration) visit(checker.getTypeOfSymbol(symbol));
    }
  }
});

const isHidden = (declaration: ts.Declaration | undefined) =>
  declaration !== undefined &&
  (ts.getCombinedModifierFlags(declaration) &
    (ts.ModifierFlags.Private | ts.ModifierFlags.Protected)) !==
    0;

/** Collects the names of everything that can be reached from a type. */
function visit(type: ts.Type): void {
  if (seen.has(type)) return;
  seen.add(type);
  if (type.isUnionOrIntersection()) type.types.forEach(visit);
  const isReference = (type as ts.ObjectType).objectFlags & ts.ObjectFlags.Reference;
  if (isReference) checker.getTypeArguments(type as ts.TypeReference).forEach(visit);
  for (const property of type.getProperties()) {
    const declaration = property.declarations?.[0];
    if (isHidden(declaration) || String(property.escapedName).startsWith("__#")) continue;
    isPublic.add(property.name);
    const isOurs = declaration && !declaration.getSourceFile().isDeclarationFile;
    if (isOurs) visit(checker.getTypeOfSymbol(property));
  }
  for (const signature of [...type.getCallSignatures(), ...type.getConstructSignatures()]) {
    if (isHidden(signature.declaration as ts.Declaration | undefined)) continue;
    for (const parameter of signature.parameters) visit(checker.getTypeOfSymbol(parameter));
    visit(signature.getReturnType());
  }
  for (const { type: value } of checker.getIndexInfosOfType(type)) visit(value);
}

describe("the names that the browser build shortens", () => {
  it("are part of no type that an application or the service uses", () => {
    for (const known of ["agentId", "onMessage", "roundTripMs", "leaseExpiresAt", "openSocket"]) {
      expect(isPublic).toContain(known);
    }
    expect(names.filter((name) => isPublic.has(name))).toEqual([]);
  });

  it("are never texts, by which a property could be found", () => {
    const texts = new Set<string>();
    const collect = (node: ts.Node): void => {
      if (ts.isStringLiteralLike(node) && !ts.isLiteralTypeNode(node.parent)) texts.add(node.text);
      ts.forEachChild(node, collect);
    };
    sources.forEach(collect);
    expect(names.filter((name) => texts.has(name))).toEqual([]);
  });

  it("stay apart in every object that has several of them", () => {
    const clashes = new Set<string>();
    const shorten = (name: string) => (names.includes(name) ? shortNames[name] : name);
    const look = (node: ts.Node): void => {
      if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) return;
      const type = checker.getTypeAtLocation(node);
      for (const each of type.isUnion() ? [type, ...type.types] : [type]) {
        const members = each.getProperties().map(({ name }) => name);
        for (const name of members.filter((member) => names.includes(member))) {
          const same = members.filter((other) => shorten(other) === shortNames[name]);
          if (same.length > 1) clashes.add(`${same.join(", ")} become ${shortNames[name]}`);
        }
      }
      ts.forEachChild(node, look);
    };
    for (const source of sources) ts.forEachChild(source, look);
    expect([...clashes]).toEqual([]);
  });

  it("are properties that exist", () => {
    const declared = new Set<string>();
    const collect = (node: ts.Node): void => {
      if (ts.isIdentifier(node)) declared.add(node.text);
      ts.forEachChild(node, collect);
    };
    sources.forEach(collect);
    expect(names.filter((name) => !declared.has(name))).toEqual([]);
  });
});

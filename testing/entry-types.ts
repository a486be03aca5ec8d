/** What the entries of the packages export, and what their signatures name. */

import { join } from "node:path";
import ts from "typescript";

const ROOT = join(__dirname, "..");

export class EntryTypes {
  readonly #program: ts.Program;
  readonly #checker: ts.TypeChecker;

  constructor(private readonly files: readonly string[]) {
    const { config } = ts.readConfigFile(join(ROOT, "tsconfig.check.json"), ts.sys.readFile);
    const { options } = ts.parseJsonConfigFileContent({ ...config, include: [] }, ts.sys, ROOT);
    this.#program = ts.createProgram(
      files.map((file) => join(ROOT, file)),
      options,
    );
    this.#checker = this.#program.getTypeChecker();
  }

  /** The types of this repository that an entry's signatures name, and that it does not export. */
  unexported(file: string): string[] {
    const exported = new Set(this.#exportsOf(file));
    const missing = new Set<string>();
    const require = (name: ts.EntityName | ts.Expression, by: string) => {
      const local = this.#checker.getSymbolAtLocation(name);
      const symbol = this.#resolved(local);
      if (isOfAnotherEntry(local)) return;
      if (!symbol || symbol.flags & ts.SymbolFlags.TypeParameter || exported.has(symbol)) return;
      const source = symbol.declarations?.[0]?.getSourceFile().fileName ?? "node_modules";
      if (!source.includes("node_modules")) missing.add(`${by} names ${symbol.name}`);
    };
    const visit = (node: ts.Node | undefined, by: string): void => {
      if (!node) return;
      if (ts.isTypeReferenceNode(node)) require(node.typeName, by);
      if (!ts.isBlock(node)) node.forEachChild((child) => visit(child, by));
    };
    const visitClass = (node: ts.ClassLikeDeclaration, by: string) => {
      for (const member of node.members) {
        if (isHidden(member) || !isSignature(member)) continue;
        for (const parameter of "parameters" in member ? member.parameters : []) {
          visit(parameter.type, `${by}.${member.name?.getText() ?? "constructor"}`);
        }
        visit(member.type, `${by}.${member.name?.getText() ?? "constructor"}`);
      }
      // A base is not named: what it has is the class's.
      for (const base of node.heritageClauses?.flatMap((clause) => [...clause.types]) ?? []) {
        const declaration = this.#baseOf(base);
        if (declaration && ts.isClassDeclaration(declaration)) visitClass(declaration, by);
      }
    };
    const visitInterface = (node: ts.InterfaceDeclaration, by: string) => {
      for (const member of node.members) visit(member, by);
      for (const base of node.heritageClauses?.flatMap(({ types }) => [...types]) ?? []) {
        for (const argument of base.typeArguments ?? []) visit(argument, by);
        const declaration = this.#baseOf(base);
        if (declaration && ts.isInterfaceDeclaration(declaration)) visitInterface(declaration, by);
      }
    };
    for (const symbol of exported) {
      for (const declaration of symbol.declarations ?? []) {
        if (isLibrary(declaration)) continue;
        if (ts.isClassDeclaration(declaration)) visitClass(declaration, symbol.name);
        else if (ts.isInterfaceDeclaration(declaration)) visitInterface(declaration, symbol.name);
        else if (ts.isVariableDeclaration(declaration)) visit(declaration.type, symbol.name);
        else visit(declaration, symbol.name);
      }
    }
    return [...missing].sort();
  }

  /** Optional fields of the options and props that an entry exports, whose type leaves out undefined. */
  withoutUndefined(file: string): string[] {
    return this.#exportsOf(file)
      .filter(({ name }) => /(Options|Props|Query)$/.test(name))
      .flatMap((symbol) =>
        this.#checker
          .getPropertiesOfType(this.#checker.getDeclaredTypeOfSymbol(symbol))
          .filter((field) => field.declarations?.every((each) => !isLibrary(each)))
          .filter((field) => field.flags & ts.SymbolFlags.Optional)
          .filter((field) => !this.#takesUndefined(field))
          .map((field) => `${symbol.name}.${field.name}`),
      );
  }

  #baseOf({ expression }: ts.ExpressionWithTypeArguments): ts.Declaration | undefined {
    const local = this.#checker.getSymbolAtLocation(expression);
    if (isOfAnotherEntry(local)) return undefined;
    const symbol = this.#resolved(local);
    const [declaration] = symbol?.declarations ?? [];
    return declaration && !isLibrary(declaration) ? declaration : undefined;
  }

  #takesUndefined(field: ts.Symbol): boolean {
    const type = this.#checker.getTypeOfSymbol(field);
    // An optional field has a kind of undefined of its own: that it may be missing.
    return type.isUnion() && type.types.includes(this.#checker.getUndefinedType());
  }

  #exportsOf(file: string): ts.Symbol[] {
    const source = this.#program.getSourceFile(join(ROOT, file));
    const module = source && this.#checker.getSymbolAtLocation(source);
    if (!module) throw new Error(`expected an entry among ${this.files}, got ${file}`);
    return this.#checker.getExportsOfModule(module).map((each) => this.#resolved(each) ?? each);
  }

  #resolved(symbol: ts.Symbol | undefined): ts.Symbol | undefined {
    return symbol && symbol.flags & ts.SymbolFlags.Alias
      ? this.#checker.getAliasedSymbol(symbol)
      : symbol;
  }
}

/** Imported from a published entry, by its name. */
const isOfAnotherEntry = (symbol: ts.Symbol | undefined) =>
  (symbol?.declarations ?? []).some(
    (each) =>
      ts.isImportSpecifier(each) &&
      each.parent.parent.parent.moduleSpecifier.getText().startsWith('"@agent-heartbeat/'),
  );

const isLibrary = (node: ts.Node) => node.getSourceFile().fileName.includes("node_modules");

type Signature =
  | ts.PropertyDeclaration
  | ts.MethodDeclaration
  | ts.ConstructorDeclaration
  | ts.AccessorDeclaration;

const isSignature = (member: ts.ClassElement): member is Signature =>
  ts.isPropertyDeclaration(member) ||
  ts.isMethodDeclaration(member) ||
  ts.isConstructorDeclaration(member) ||
  ts.isAccessor(member);

const isHidden = (member: ts.ClassElement) =>
  (member.name && ts.isPrivateIdentifier(member.name)) ||
  (ts.getCombinedModifierFlags(member) &
    (ts.ModifierFlags.Private | ts.ModifierFlags.Protected)) !==
    0 ||
  ts.getJSDocTags(member).some(({ tagName }) => tagName.text === "internal");

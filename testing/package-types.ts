/** Compiles code against the types of an installed package. */

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";
import type { InstalledPackage } from "./empty-project";

/**
 * Compiles a program as an ES module and as CommonJS. The package's declarations are checked with it, those of its
 * dependencies are only read.
 *
 * @returns the errors in the program and in the package's declarations
 * @throws Error if the program uses none of them
 */
export function typeErrors(
  { project, installed }: InstalledPackage,
  program: string,
  options: ts.CompilerOptions = {},
): string[] {
  const files = ["types.mts", "types.cts"].map((name) => join(project, name));
  for (const file of files) writeFileSync(file, program);
  const compiled = ts.createProgram(files, {
    noEmit: true,
    strict: true,
    module: ts.ModuleKind.Node20,
    target: ts.ScriptTarget.ES2022,
    types: ["node"],
    typeRoots: [join(project, "node_modules", "@types")],
    ...options,
  });
  const read = compiled.getSourceFiles();
  const declarations = read.filter(({ fileName }) => fileName.startsWith(installed));
  if (declarations.length === 0) throw new Error(`expected types of ${installed}, got none`);
  const programs = read.filter(({ fileName }) => files.includes(fileName));
  return [...programs, ...declarations].flatMap((file) =>
    [...compiled.getSyntacticDiagnostics(file), ...compiled.getSemanticDiagnostics(file)].map(
      ({ messageText }) => `${file.fileName}: ${ts.flattenDiagnosticMessageText(messageText, " ")}`,
    ),
  );
}

/** Reads JSON that people wrote, and says where it is wrong. */

import type { ParseError } from "jsonc-parser";

/** What is wrong with JSON, by the parser's code. */
const JSON_FAULTS: Readonly<Record<string, string>> = {
  InvalidSymbol: "expected a value, got a word that is none",
  InvalidNumberFormat: "expected a number, got one in another form",
  PropertyNameExpected: "expected a name in double quotes",
  ValueExpected: "expected a value",
  ColonExpected: "expected a colon after a name",
  CommaExpected: "expected a comma",
  CloseBraceExpected: "expected } before the end",
  CloseBracketExpected: "expected ] before the end",
  EndOfFileExpected: "expected nothing after the value",
  UnexpectedEndOfComment: "a comment has no end",
  UnexpectedEndOfString: "a text has no closing quote",
  InvalidUnicode: "\\u is not followed by four hexadecimal digits",
  InvalidEscapeCharacter: "a text has an unknown escape sequence",
  InvalidCharacter: "a text has a control character, which has to be escaped",
};

/**
 * The value of a JSON text. Commas before a closing bracket, and comments, are let pass.
 *
 * @throws SyntaxError saying where the text is wrong, and nothing of what it holds
 */
export async function parseJson(text: string): Promise<unknown> {
  // A text from a pipe or a variable may still have its byte order mark.
  const json = text.replace(/^\ufeff/, "");
  if (json.trim() === "") throw new SyntaxError("it is empty");
  try {
    return JSON.parse(json);
  } catch {
    return await parseLenient(json);
  }
}

async function parseLenient(json: string): Promise<unknown> {
  const { parse, printParseErrorCode } = await import("jsonc-parser");
  const errors: ParseError[] = [];
  let value: unknown;
  try {
    value = parse(json, errors, { allowTrailingComma: true });
  } catch (cause) {
    throw new SyntaxError("it is nested too deeply", { cause });
  }
  const [first] = errors;
  if (first === undefined) return value;
  const before = json.slice(0, first.offset).split(/\r\n|\n|\r/);
  const fault = JSON_FAULTS[printParseErrorCode(first.error)] ?? "not JSON";
  const column = 1 + (before.at(-1)?.length ?? 0);
  throw new SyntaxError(`line ${before.length}, column ${column}: ${fault}`);
}

/** @throws SyntaxError if a number of a JSON text is too large or too long to be carried as it stands */
export async function expectExactNumbers(json: string): Promise<void> {
  const { visit } = await import("jsonc-parser");
  visit(json, {
    onLiteralValue(value, offset, length, line, character) {
      const literal = json.slice(offset, offset + length);
      if (typeof value !== "number" || isExact(value, literal)) return;
      throw new SyntaxError(
        `line ${line + 1}, column ${character + 1}: expected a number that is carried exactly, or a text in quotes, got ${literal.slice(0, 40)}`,
      );
    },
  });
}

function isExact(value: number, literal: string): boolean {
  if (!Number.isFinite(value)) return false;
  return !/^-?\d+$/.test(literal) || BigInt(literal) === BigInt(value);
}

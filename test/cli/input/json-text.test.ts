import { describe, expect, it } from "@jest/globals";
import { expectExactNumbers, parseJson } from "../../../cli/src/input/json-text";

describe("JSON", () => {
  it("may have a byte order mark, commas before a closing bracket, and comments", async () => {
    expect(await parseJson('\ufeff[{"a": 1,},\r\n // two\r\n 2, /* 3 */]')).toEqual([{ a: 1 }, 2]);
  });

  it.each([
    ["", "it is empty"],
    ["\ufeff \r\n", "it is empty"],
    ["hello", "line 1, column 1: expected a value, got a word that is none"],
    ["{'a': 1}", "line 1, column 2: expected a value, got a word that is none"],
    ['{"a": 1', "line 1, column 8: expected } before the end"],
    ["[1, 2", "line 1, column 6: expected ] before the end"],
    ['[\n1\n"b"]', "line 3, column 1: expected a comma"],
    ['[\r1\r"b"]', "line 3, column 1: expected a comma"],
    ['{\r\n  "a" 1}', "line 2, column 7: expected a colon after a name"],
    ['["a]', "line 1, column 2: a text has no closing quote"],
    ["[1] [2]", "line 1, column 5: expected nothing after the value"],
    ["[01]", "line 1, column 3: expected a comma"],
    ['["\\x"]', "line 1, column 2: a text has an unknown escape sequence"],
    ["[1,,2]", "line 1, column 4: expected a value"],
  ])("that is wrong is refused with the place: %p", async (text, message) => {
    await expect(parseJson(text)).rejects.toThrow(message);
  });

  it("that is nested deeper than the stack is refused", async () => {
    await expect(parseJson("[".repeat(100_000))).rejects.toThrow("it is nested too deeply");
  });

  it("is never repeated in a message, for it may hold a secret", async () => {
    await expect(parseJson('{"d": secret-secret')).rejects.toThrow(/^(?!.*secret-secret)/);
  });

  it.each(["1e400", "[12345678901234567890]", '{"a": -9007199254740993}'])(
    "with a number that would arrive as another one is refused: %s",
    async (text) => {
      await expect(expectExactNumbers(text)).rejects.toThrow(
        "expected a number that is carried exactly",
      );
    },
  );

  it.each(["0.1", "1e300", "9007199254740991", '"12345678901234567890"', "-0", "1e2"])(
    "keeps a number like %s",
    async (text) => {
      await expectExactNumbers(text);
    },
  );
});

import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "@jest/globals";
import { decodeText, readTextFile } from "../../../cli/src/input/text-file";
import { emptyFolder } from "../../../testing/cli/run";

const TEXT = '{"näme": "日本 👩‍👩‍👧"}\r\n';

const utf16be = (text: string) => Buffer.from(text, "utf16le").swap16();

describe("the bytes of a text", () => {
  it.each([
    ["UTF-8", Buffer.from(TEXT)],
    ["UTF-8 with a byte order mark", Buffer.from(`\ufeff${TEXT}`)],
    [
      "UTF-16 LE with a byte order mark, as PowerShell writes",
      Buffer.from(`\ufeff${TEXT}`, "utf16le"),
    ],
    ["UTF-16 BE with a byte order mark", utf16be(`\ufeff${TEXT}`)],
    ["UTF-16 LE without one", Buffer.from(TEXT, "utf16le")],
    ["UTF-16 BE without one", utf16be(TEXT)],
  ])("are read in %s", (_, bytes) => {
    expect(decodeText(bytes)).toBe(TEXT);
  });

  it.each([
    ["Latin-1", Buffer.from("a\nb\nm\xfcller\n", "latin1"), "is not UTF-8 in line 3"],
    ["a character cut in half", Buffer.from("a\n👩").subarray(0, 4), "is not UTF-8 in line 2"],
    [
      "a spreadsheet",
      Buffer.from("PK\u0003\u0004\u0014\0\u0006\0"),
      "a spreadsheet or a ZIP archive",
    ],
    ["zeros in between", Buffer.from("abc\0def"), "is not a text file"],
    ["a program", Buffer.from([0x7f, 0x45, 0x4c, 0x46, 0, 1, 2]), "is not a text file"],
    ["UTF-32", Buffer.from([0xff, 0xfe, 0, 0, 0x7b, 0, 0, 0]), "is not a text file"],
    ["DER", Buffer.from([0x30, 0x82, 0x01, 0x22, 0x00]), "is not a text file"],
  ])("are refused if they are %s", (_, bytes, message) => {
    expect(() => decodeText(bytes)).toThrow(message);
  });
});

describe("a file that can't be read", () => {
  let cwd: string;
  beforeAll(async () => {
    cwd = await emptyFolder();
    await mkdir(join(cwd, "folder"));
    await writeFile(join(cwd, "latin1.csv"), Buffer.from("agentId\n\xfc\n", "latin1"));
  });

  it.each([
    ["gone.csv", "gone.csv does not exist."],
    ["folder", "folder is a folder."],
    ["latin1.csv/a", "latin1.csv/a does not exist."],
    ["latin1.csv", "latin1.csv is not UTF-8 in line 2."],
    ["a\0b", "is not the name of a file."],
    ["x".repeat(300), "is longer than the name of a file can be."],
  ])("is named with the reason: %.20s", async (file, message) => {
    await expect(readTextFile(file, { cwd })).rejects.toThrow(message);
  });
});

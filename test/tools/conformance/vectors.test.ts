import { readFileSync } from "node:fs";
import { expect, it } from "@jest/globals";
import { vectors } from "../../../tools/conformance/vectors";

it("the vectors for clients in every language are what this client answers", async () => {
  const written = JSON.parse(readFileSync("conformance/vectors.json", "utf8"));
  // After an intended change: `npm run conformance -- vectors`.
  expect(written).toEqual(JSON.parse(JSON.stringify(await vectors())));
});

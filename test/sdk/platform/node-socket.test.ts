import { describe, expect, it } from "@jest/globals";
import { explained } from "../../../sdk/src/platform/node-socket";

describe("an error of a bundle that has an empty module in place of a native one", () => {
  it.each(["b.mask is not a function", "bufferUtil.unmask is not a function"])(
    "says what to do: %s",
    (message) => {
      const error = new TypeError(message);
      expect(explained(error)).toMatchObject({
        message: expect.stringContaining("serverExternalPackages"),
        cause: error,
      });
    },
  );

  it("is the only one that is explained", () => {
    const error = new Error("connect ECONNREFUSED 127.0.0.1:1");
    expect(explained(error)).toBe(error);
  });
});

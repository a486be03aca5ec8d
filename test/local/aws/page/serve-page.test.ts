import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { listen } from "../../../../local/aws/http";
import { servePage } from "../../../../local/aws/page/serve-page";

describe("the page's files", () => {
  let root: string;
  let url: string;
  let close: () => void;

  beforeAll(async () => {
    root = mkdtempSync(join(tmpdir(), "page-"));
    const directory = join(root, "page");
    mkdirSync(join(directory, "assets"), { recursive: true });
    writeFileSync(join(root, "secret.txt"), "secret");
    writeFileSync(join(directory, "index.html"), "<!doctype html>");
    writeFileSync(join(directory, "assets", "index-1a2b.js"), "run()");
    const { server, port, close: end } = await listen(0);
    const headers = { "Content-Security-Policy": `connect-src ws://127.0.0.1:${port}` };
    const handler = servePage(
      { directory, headers },
      { ownUrl: `http://127.0.0.1:${port}/`, html: (text) => `${text}<p>` },
    );
    server.on("request", (request, response) => {
      if (!handler(request, response)) response.writeHead(403).end();
    });
    url = `http://127.0.0.1:${port}`;
    close = end;
  });
  afterAll(() => {
    close();
    rmSync(root, { recursive: true });
  });

  const get = async (path: string, method = "GET") => {
    const response = await fetch(url + path, { method });
    const header = (name: string) => response.headers.get(name);
    const [type, cache] = [header("content-type"), header("cache-control")];
    return { status: response.status, type, cache, csp: header("content-security-policy") };
  };

  it("are served with the template's headers, and the page itself is not cached", async () => {
    expect(await get("/?x=1")).toEqual({
      status: 200,
      type: "text/html; charset=utf-8",
      cache: "no-cache",
      csp: `connect-src ${url.replace("http:", "ws:")}`,
    });
    expect(await get("/assets/index-1a2b.js")).toMatchObject({
      status: 200,
      type: "text/javascript; charset=utf-8",
      cache: "max-age=31536000, immutable",
    });
  });

  it.each(["/secret.txt", "/%2e%2e/secret.txt", "/assets/../../secret.txt", "/assets", "/other"])(
    "are the only ones served: not %s",
    async (path) => expect((await get(path)).status).toBe(403),
  );

  it("may connect to the host in their request", async () => {
    const byName = url.replace("127.0.0.1", "localhost");
    const response = await fetch(byName);
    expect(response.headers.get("content-security-policy")).toBe(
      `connect-src ${byName.replace("http:", "ws:")}`,
    );
    expect(await response.text()).toBe("<!doctype html><p>");
  });

  it("are read-only", async () => {
    expect((await get("/", "POST")).status).toBe(403);
    expect((await get("/", "HEAD")).status).toBe(200);
  });
});

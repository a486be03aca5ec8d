/** The custom resource that fills the dashboard's bucket. */

import { beforeEach, describe, expect, it } from "@jest/globals";
import {
  type CustomResourceEvent,
  type StoredFile,
  uploadPageHandler,
} from "../../../lambda/upload-page/handler";

const OLD = "assets/old.js";

let stored: Map<string, StoredFile | undefined>;
let calls: string[];
let answers: Record<string, unknown>[];
let paused: number;
let refusals: Error[];
let page: string[];

beforeEach(() => {
  stored = new Map([[OLD, undefined]]);
  [calls, answers, refusals, paused] = [[], [], [], 0];
  page = ["index.html", "assets/app.js", "assets/style.css"];
});

const call = (RequestType: CustomResourceEvent["RequestType"], PhysicalResourceId?: string) =>
  uploadPageHandler({
    bucket: {
      async keys() {
        const refusal = refusals.shift();
        if (refusal) throw refusal;
        return [...stored.keys()];
      },
      async put(_, file) {
        calls.push(`put ${file.key}`);
        stored.set(file.key, file);
      },
      async remove(_, key) {
        calls.push(`remove ${key}`);
        stored.delete(key);
      },
    },
    files: async () => page.map((key) => ({ key, content: Buffer.from(key) })),
    answer: async (_, body) => void answers.push(JSON.parse(body)),
    pause: async (ms) => {
      paused += ms;
    },
    log: { error: () => {}, warn: () => {}, info: () => {} } as never,
  })({
    RequestType,
    ResponseURL: "https://example.com/secret",
    StackId: "stack",
    RequestId: "request",
    LogicalResourceId: "Uploaded",
    ...(PhysicalResourceId && { PhysicalResourceId }),
    ResourceProperties: { BucketName: "bucket" },
  });

const refused = () => Object.assign(new Error("no s3:ListBucket"), { name: "AccessDenied" });

describe("the upload of the page", () => {
  it("uploads the page after the files it refers to, and removes outdated files last", async () => {
    await call("Update", "bucket");
    expect(calls).toEqual([
      "put assets/app.js",
      "put assets/style.css",
      "put index.html",
      `remove ${OLD}`,
    ]);
    expect(answers).toEqual([
      {
        Status: "SUCCESS",
        PhysicalResourceId: "bucket",
        StackId: "stack",
        RequestId: "request",
        LogicalResourceId: "Uploaded",
      },
    ]);
  });

  it("lets browsers cache all files except the page", async () => {
    await call("Create");
    const { "index.html": html, "assets/app.js": script } = Object.fromEntries(stored);
    expect(html).toMatchObject({
      contentType: "text/html; charset=utf-8",
      cacheControl: "no-cache",
    });
    expect(script).toMatchObject({
      contentType: "text/javascript; charset=utf-8",
      cacheControl: expect.stringContaining("immutable"),
    });
  });

  it("waits for IAM to know the new role's policy", async () => {
    refusals = [refused(), refused()];
    await call("Create");
    expect(paused).toBeGreaterThan(0);
    expect(answers).toMatchObject([{ Status: "SUCCESS" }]);
  });

  it("gives up if access is never granted, within the time that CloudFormation waits, and reports why", async () => {
    refusals = Array.from({ length: 100 }, refused);
    await call("Create");
    expect(paused).toBeLessThan(5 * 60_000);
    expect(answers).toMatchObject([{ Status: "FAILED", Reason: "AccessDenied: no s3:ListBucket" }]);
  });

  it("fails at once at any other error, and responds to CloudFormation", async () => {
    refusals = [new Error("no such bucket")];
    await call("Create");
    expect(paused).toBe(0);
    expect(answers).toMatchObject([{ Status: "FAILED", Reason: "Error: no such bucket" }]);
  });

  it("does not remove the old page if there is no new one", async () => {
    page = ["assets/app.js"];
    await call("Update", "bucket");
    expect(calls).toEqual([]);
    expect(answers).toMatchObject([{ Status: "FAILED" }]);
  });

  it("empties the bucket when the stack is deleted", async () => {
    await call("Delete", "bucket");
    expect(stored.size).toBe(0);
    expect(answers).toMatchObject([{ Status: "SUCCESS", PhysicalResourceId: "bucket" }]);
  });

  it("is a new resource for a new bucket, so that the old bucket is emptied", async () => {
    await call("Update", "old-bucket");
    expect(answers).toMatchObject([{ PhysicalResourceId: "bucket" }]);
  });
});

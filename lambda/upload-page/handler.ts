/** The custom resource that uploads the page to the dashboard's bucket, and empties the bucket when the stack is deleted. */

import { extname } from "node:path";
import type { Log } from "../shared/log";

/** A request from CloudFormation, as far as it is used. The URL is a secret: anyone who has it can respond. */
export interface CustomResourceEvent {
  RequestType: "Create" | "Update" | "Delete";
  ResponseURL: string;
  StackId: string;
  RequestId: string;
  LogicalResourceId: string;
  PhysicalResourceId?: string;
  ResourceProperties: { BucketName: string };
}

export interface PageFile {
  /** As in `assets/index-abc.js`. */
  key: string;
  content: Uint8Array;
}

export interface StoredFile extends PageFile {
  contentType: string;
  cacheControl: string;
}

/** Operations on a bucket. */
export interface PageBucket {
  keys(bucketName: string): Promise<string[]>;
  put(bucketName: string, file: StoredFile): Promise<void>;
  remove(bucketName: string, key: string): Promise<void>;
}

export interface UploadPageDependencies {
  bucket: PageBucket;
  /** The files of the page in the function's layer. */
  files(): Promise<PageFile[]>;
  /** Sends the response to CloudFormation. */
  answer(url: string, body: string): Promise<void>;
  pause(ms: number): Promise<void>;
  log: Log;
}

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  ".css": "text/css; charset=utf-8",
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".svg": "image/svg+xml",
  ".woff2": "font/woff2",
};

const PAGE = "index.html";

/** A new role's policy takes effect within seconds; these pauses allow about two minutes. */
const PAUSES_MS = [1, 2, 4, 8, 15, 30, 30, 30].map((seconds) => seconds * 1000);

export function uploadPageHandler(dependencies: UploadPageDependencies) {
  const { answer, log } = dependencies;
  return async (event: CustomResourceEvent): Promise<void> => {
    const { BucketName: bucketName } = event.ResourceProperties;
    let failure: string | undefined;
    try {
      await granted(dependencies, () =>
        event.RequestType === "Delete"
          ? empty(dependencies, bucketName)
          : upload(dependencies, bucketName),
      );
    } catch (error) {
      const { name, message } = error as Error;
      failure = `${name}: ${message}`;
      log.error({ event: "upload_failed", request: event.RequestType, error: failure });
    }
    const { StackId, RequestId, LogicalResourceId } = event;
    const response = {
      StackId,
      RequestId,
      LogicalResourceId,
      // A new bucket is a new resource, so CloudFormation then deletes the old one, which empties it.
      PhysicalResourceId:
        event.RequestType === "Delete" ? (event.PhysicalResourceId ?? bucketName) : bucketName,
      ...(failure === undefined ? { Status: "SUCCESS" } : { Status: "FAILED", Reason: failure }),
    };
    await answer(event.ResponseURL, JSON.stringify(response));
  };
}

/** Uploads the page after the files it refers to, and removes outdated files last. */
async function upload(
  { bucket, files }: UploadPageDependencies,
  bucketName: string,
): Promise<void> {
  const page = await files();
  if (!page.some(({ key }) => key === PAGE)) throw new Error(`the page has no ${PAGE}`);
  const before = await bucket.keys(bucketName);
  const order = [...page].sort((a, b) => Number(a.key === PAGE) - Number(b.key === PAGE));
  for (const file of order) await bucket.put(bucketName, stored(file));
  const kept = new Set(page.map(({ key }) => key));
  for (const key of before) if (!kept.has(key)) await bucket.remove(bucketName, key);
}

async function empty({ bucket }: UploadPageDependencies, bucketName: string): Promise<void> {
  for (const key of await bucket.keys(bucketName)) await bucket.remove(bucketName, key);
}

function stored(file: PageFile): StoredFile {
  const contentType = CONTENT_TYPES[extname(file.key)];
  if (contentType === undefined) throw new Error(`${file.key}: its content type is not known`);
  // The names of all other files contain a hash of their content.
  const cacheControl = file.key === PAGE ? "no-cache" : "max-age=31536000, immutable";
  return { ...file, contentType, cacheControl };
}

/** Retries while access is denied. IAM is eventually consistent: a new role's permissions may not be effective yet. */
async function granted(
  { pause }: UploadPageDependencies,
  attempt: () => Promise<void>,
): Promise<void> {
  for (const ms of PAUSES_MS) {
    try {
      return await attempt();
    } catch (error) {
      if ((error as Error).name !== "AccessDenied") throw error;
    }
    await pause(ms);
  }
  return attempt();
}

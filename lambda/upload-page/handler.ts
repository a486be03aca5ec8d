/** The custom resource that fills the dashboard's bucket with the page, and empties it with the stack. */

import { extname } from "node:path";
import type { Log } from "../shared/log";

/** A request of CloudFormation, as far as it is read. The URL is a secret: whoever has it can answer. */
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

/** A bucket, as far as the upload needs it. */
export interface PageBucket {
  keys(bucketName: string): Promise<string[]>;
  put(bucketName: string, file: StoredFile): Promise<void>;
  remove(bucketName: string, key: string): Promise<void>;
}

export interface UploadPageDependencies {
  bucket: PageBucket;
  /** The page that this version of the function carries. */
  files(): Promise<PageFile[]>;
  /** Puts an answer to where CloudFormation waits for it. */
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

/** A new role's policy takes effect within seconds everywhere; this waits about two minutes for it. */
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
      // Another bucket is another resource: CloudFormation then has the old one emptied.
      PhysicalResourceId:
        event.RequestType === "Delete" ? (event.PhysicalResourceId ?? bucketName) : bucketName,
      ...(failure === undefined ? { Status: "SUCCESS" } : { Status: "FAILED", Reason: failure }),
    };
    await answer(event.ResponseURL, JSON.stringify(response));
  };
}

/** The page itself comes after what it refers to, and what the last one referred to goes at the end. */
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
  // Files are named by their content: the page alone has to be asked for again.
  const cacheControl = file.key === PAGE ? "no-cache" : "max-age=31536000, immutable";
  return { ...file, contentType, cacheControl };
}

/** IAM is eventually consistent: right after its creation a role may be refused what it has been granted. */
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

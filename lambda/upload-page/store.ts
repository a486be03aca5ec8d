/** Reads the page from a folder, writes it to a bucket, and sends responses to CloudFormation. */

import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import {
  DeleteObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type S3Client,
} from "@aws-sdk/client-s3";
import type { PageBucket, PageFile } from "./handler";

export function s3Bucket(client: S3Client): PageBucket {
  return {
    async keys(Bucket) {
      const found: string[] = [];
      let ContinuationToken: string | undefined;
      do {
        const page = await client.send(new ListObjectsV2Command({ Bucket, ContinuationToken }));
        for (const { Key } of page.Contents ?? []) if (Key !== undefined) found.push(Key);
        ContinuationToken = page.NextContinuationToken;
      } while (ContinuationToken !== undefined);
      return found;
    },
    async put(Bucket, { key: Key, content: Body, contentType, cacheControl }) {
      const headers = { ContentType: contentType, CacheControl: cacheControl };
      await client.send(new PutObjectCommand({ Bucket, Key, Body, ...headers }));
    },
    async remove(Bucket, Key) {
      await client.send(new DeleteObjectCommand({ Bucket, Key }));
    },
  };
}

/** The page and its files in `assets`. Other files come from layers that an app adds to every function. */
export async function pageFilesIn(directory: string): Promise<PageFile[]> {
  const assets = await readdir(join(directory, "assets"));
  const keys = ["index.html", ...assets.map((name) => `assets/${name}`)];
  return Promise.all(
    keys.map(async (key) => ({ key, content: await readFile(join(directory, key)) })),
  );
}

/** @throws Error if CloudFormation rejects the response */
export async function answerByPut(url: string, body: string): Promise<void> {
  const response = await fetch(url, { method: "PUT", body });
  if (!response.ok) throw new Error(`CloudFormation responded ${response.status}`);
}

/** Composes the `upload-page` function. */

import { setTimeout as pause } from "node:timers/promises";
import { s3Client } from "../shared/clients";
import { uploadPageHandler } from "./handler";
import { answerByPut, pageFilesIn, s3Bucket } from "./store";

/** Where Lambda unpacks layers. The page is one. */
const LAYER = "/opt";

export const handler = uploadPageHandler({
  bucket: s3Bucket(s3Client()),
  files: () => pageFilesIn(LAYER),
  answer: answerByPut,
  pause: (ms) => pause(ms),
  log: console,
});

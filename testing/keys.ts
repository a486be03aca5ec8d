/** Private keys of every accepted type, generated for each run. */

import { generateKeyPairSync } from "node:crypto";

const pem = ({ privateKey }: { privateKey: import("node:crypto").KeyObject }) =>
  privateKey.export({ type: "pkcs8", format: "pem" }).toString();

export const newP256Key = () => pem(generateKeyPairSync("ec", { namedCurve: "P-256" }));
export const newEd25519Key = () => pem(generateKeyPairSync("ed25519"));
export const newRsaKey = (modulusLength = 2048) =>
  pem(generateKeyPairSync("rsa", { modulusLength }));

/** One key for all tests in which the key does not matter. */
export const TEST_KEY = newP256Key();

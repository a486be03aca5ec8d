/** The code of the functions and the dashboard's page, as the published package carries them. */

import { join } from "node:path";
import { Code } from "aws-cdk-lib/aws-lambda";
import type { NodejsFunctionProps } from "aws-cdk-lib/aws-lambda-nodejs";

/** The package's directory: what is bundled lies in one file at its top. */
const PACKAGE = __dirname;

/**
 * What makes a function's code.
 *
 * @param entry the name of the file in `lambda/entry`, without its ending
 */
export function functionCode(entry: string): NodejsFunctionProps {
  return { code: Code.fromAsset(join(PACKAGE, "lambda", entry)), handler: "index.handler" };
}

/** The directory of the dashboard's page. */
export const dashboardPage = (): string => join(PACKAGE, "dashboard");

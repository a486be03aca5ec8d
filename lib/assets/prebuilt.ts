/** The code of the functions and the dashboard's page, as contained in the published package. */

import { join } from "node:path";
import { Code } from "aws-cdk-lib/aws-lambda";
import type { Construct } from "constructs";

/** The package's directory: the bundled construct is one file in it. */
const PACKAGE = __dirname;

/**
 * The code of a function, which exports `index.handler`.
 *
 * @param entry the name of its folder in `lambda`
 */
export const functionCode = (_: Construct, entry: string): Code =>
  Code.fromAsset(join(PACKAGE, "lambda", entry));

/** The directory of the dashboard's page. */
export const dashboardPage = (): string => join(PACKAGE, "dashboard");

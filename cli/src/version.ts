/** The version of the package, defined once. */

import { version } from "../package.json";

export const VERSION: string = version;

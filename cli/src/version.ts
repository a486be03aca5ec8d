/** The version of the package, told in one place. */

import { version } from "../package.json";

export const VERSION: string = version;

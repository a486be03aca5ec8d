/** Composes the `connect` function. */

import { leaseStore } from "../shared/compose";
import { connectHandler } from "./handler";

export const handler = connectHandler({ leases: leaseStore() });

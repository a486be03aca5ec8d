/** `npm run conformance:vectors`: writes `conformance/vectors.json`. */

import { writeFileSync } from "node:fs";
import { vectors } from "./vectors";

void vectors().then((all) =>
  writeFileSync("conformance/vectors.json", `${JSON.stringify(all, null, 1)}\n`),
);

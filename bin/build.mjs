/** Builds the packages of this repository, side by side: most of the time goes into the types, on one core. */

await Promise.all(["sdk", "cli", "dashboard"].map((name) => import(`../${name}/build.mjs`)));

/** Builds the packages of this repository in parallel. The types take most of the time, on one core. */

await Promise.all(["sdk", "cli", "dashboard"].map((name) => import(`../${name}/build.mjs`)));

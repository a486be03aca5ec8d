/** Which part may import which: the floors of docs/architecture.md, enforced. */

const PARTS = "^(bin|core|lib|lambda|sdk|cli|local|dashboard|examples|test|testing|tools)/";

/** A part may import itself, packages, and what is listed. */
function only(part, allowed = []) {
  return {
    name: `${part.replace("/", "-")}-imports`,
    comment: `${part}/ may import ${allowed.length ? allowed.join(", ") : "no other part"}`,
    severity: "error",
    from: { path: `^${part}/` },
    to: { path: PARTS, pathNot: [`^${part}/`, ...allowed.map((path) => `^${path}`)] },
  };
}

/** The SDK's public entries. Everything else in it is private. */
const SDK =
  "sdk/src/(node|browser|protocol|fleet/browser|status/index|registry/index|testing/index)\\.ts$";

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    only("core"),
    only("sdk", ["core/"]),
    // `list` answers as any other reader does: through the public StatusReader.
    only("lambda", ["core/", "sdk/src/status/index\\.ts$"]),
    only("lib", ["core/", "lambda/build\\.ts$"]),
    only("bin", ["lib/"]),
    // What a token must be is decided once, where the service reads it.
    only("cli", [
      SDK,
      "core/(login-token|enrolment-token|new-file)\\.ts$",
      "local/app/index\\.ts$",
    ]),
    only("local/aws"),
    only("local/app", [SDK, "local/aws/"]),
    only("dashboard", [SDK]),
    only("examples", [SDK, "lib/"]),
    {
      name: "entries-compose",
      comment:
        "only a function's entry, and what entries share, builds clients and reads the environment",
      severity: "error",
      from: {
        path: "^lambda/",
        pathNot: "^lambda/([a-z-]+/entry|shared/compose(-metrics)?)\\.ts$",
      },
      to: {
        path: "^lambda/([a-z-]+/entry|shared/(clients|compose|compose-metrics|environment))\\.ts$",
      },
    },
    {
      name: "shared-stays-below",
      comment: "lambda/shared and lambda/lease serve the features, and import none of them",
      severity: "error",
      from: { path: "^lambda/(shared|lease)/", pathNot: "^lambda/shared/compose" },
      to: { path: "^lambda/", pathNot: "^lambda/(shared|lease)/" },
    },
    {
      name: "agent-without-aws",
      comment: "the agent's side of the SDK stays free of the AWS SDK",
      severity: "error",
      from: { path: "^sdk/src/", pathNot: "^sdk/src/(status|registry)/" },
      to: { path: "@aws-sdk/" },
    },
    {
      name: "browser-without-node",
      comment: "the browser build has no built-ins of Node.js",
      severity: "error",
      from: { path: "^sdk/src/(fleet/)?browser\\.ts$" },
      to: { path: "^(sdk/src/(node|platform/thread/)|node:|ws$|crypto$|fs$)", reachable: true },
    },
    {
      name: "emulator-knows-no-heartbeats",
      comment: "local/aws plays AWS for any template: nothing in it comes from this product",
      severity: "error",
      from: { path: "^local/aws/" },
      to: {
        path: "(^|/)(core|sdk|lambda|lib|cli)/|@agent-heartbeat/",
        pathNot: "node_modules/(?!@agent-heartbeat)",
      },
    },
    {
      name: "no-tests",
      comment: "only tests and tools import tests, tools and what they share",
      severity: "error",
      from: { pathNot: "^(test|testing|tools)/" },
      to: { path: "^(test|testing|tools)/" },
    },
    {
      name: "testing-is-below",
      comment: "what tests and tools share imports neither",
      severity: "error",
      from: { path: "^testing/" },
      to: { path: "^(test|tools)/" },
    },
    { name: "no-circles", severity: "error", from: {}, to: { circular: true } },
    { name: "no-unresolved", severity: "error", from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    exclude: { path: "^(docs/\\.vitepress/(dist|cache)|(lib|local)/dist)/" },
    tsConfig: { fileName: "tsconfig.json" },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["agent-heartbeat-source", "import", "require", "node", "default", "types"],
    },
  },
};

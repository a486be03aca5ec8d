/** Which part may import which: the arrows of docs/architecture.md, enforced. */

const PARTS = "^(bin|lib|lambda|sdk|cli|local|dashboard|examples|bench)/";

/** A part may import itself, packages, and what is listed. */
function only(part, allowed = []) {
  return {
    name: `${part}-imports`,
    comment: `${part}/ may import ${allowed.length ? allowed.join(", ") : "no other part"}`,
    severity: "error",
    from: { path: `^${part}/` },
    to: { path: PARTS, pathNot: [`^${part}/`, ...allowed.map((path) => `^${path}`)] },
  };
}

/** The SDK's public entries. Everything else in it is its own. */
const SDK = "sdk/src/(node|browser|protocol|status/index|registry/index)\\.ts$";

/** Names, expressions and replies that the stack writes into its template as the functions use them. */
const SHARED_TEXTS = "lambda/(names|lease/(conditions|updates)|wire/replies)\\.ts$";

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    only("sdk"),
    only("lambda", [SDK]),
    only("lib", [SDK, SHARED_TEXTS, "lambda/build\\.ts$"]),
    only("bin", ["lib/"]),
    only("cli", [SDK]),
    only("local", [SDK]),
    only("dashboard", [SDK]),
    only("examples", [SDK, "lib/"]),
    {
      name: "entries-compose",
      comment: "only lambda/entry builds clients and reads the environment",
      severity: "error",
      from: { path: "^lambda/", pathNot: "^lambda/entry/" },
      to: { path: "^lambda/(entry/|shared/clients|shared/environment)" },
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
      from: { path: "^sdk/src/browser\\.ts$" },
      to: { path: "^(sdk/src/(node|thread/)|node:|ws$|crypto$|fs$)", reachable: true },
    },
    {
      name: "no-tests",
      comment: "nothing but tests and benchmarks imports tests",
      severity: "error",
      from: { pathNot: "^(test|bench)/" },
      to: { path: "^test/" },
    },
    { name: "no-circles", severity: "error", from: {}, to: { circular: true } },
    { name: "no-unresolved", severity: "error", from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    exclude: { path: "^docs/\\.vitepress/(dist|cache)/" },
    tsConfig: { fileName: "tsconfig.json" },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["agent-heartbeat-source", "import", "require", "node", "default", "types"],
    },
  },
};

/** Jest settings: TypeScript through swc, packages of this repository from their sources. */

// tsx would keep a cache in the temporary folder.
process.env.TSX_DISABLE_CACHE = "1";

const { availableParallelism } = require("node:os");

const transform = {
  "\\.(ts|js|mjs)$": ["@swc/jest", { jsc: { target: "es2023", parser: { syntax: "typescript" } } }],
};

// Printed once for every client otherwise; the functions themselves run on a newer Node.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = "true";

/** What `npm test` leaves out, and `npm run test:exhaustive` runs. */
const isExhaustive = process.env.EXHAUSTIVE !== undefined;
const LONG = isExhaustive
  ? []
  : [
      "<rootDir>/test/tools/rehearsal/",
      "<rootDir>/test/tools/trial-deployment/checks.e2e.test.ts",
      "<rootDir>/test/tools/bench/storm.test.ts",
      "<rootDir>/test/local/app/interruption.test.ts",
      "<rootDir>/test/e2e/rolling-restart.e2e.test.ts",
      "<rootDir>/test/e2e/leases.e2e.test.ts",
      "<rootDir>/test/e2e/lock-out.e2e.test.ts",
      "<rootDir>/test/lib/package.test.ts",
      "<rootDir>/test/sdk/package.test.ts",
    ];

// CDK's own validation of templates takes longer than the rest of a synthesis.
process.env.CDK_VALIDATION = String(isExhaustive);

/** What is looked through for tests and modules: the repository's own folders, not what a reader put beside them. */
const FOLDERS =
  "bin cli core dashboard docs examples lambda lib local sdk test testing tools".split(" ");
const ES_MODULES = [
  "ansi-regex",
  "ansi-styles",
  "cli-truncate",
  "get-east-asian-width",
  "is-fullwidth-code-point",
  "jose",
  "p-limit",
  "slice-ansi",
  "string-width",
  "strip-ansi",
  "wrap-ansi",
  "yocto-queue",
];

const common = {
  roots: FOLDERS.map((folder) => `<rootDir>/${folder}`),
  cacheDirectory: "<rootDir>/node_modules/.cache/jest",
  // The published manifests of these packages name no sources.
  moduleNameMapper: {
    "^@agent-heartbeat/cdk$": "<rootDir>/lib/index.ts",
    "^@agent-heartbeat/local$": "<rootDir>/local/app/index.ts",
  },
  testEnvironment: "node",
  testEnvironmentOptions: {
    customExportConditions: ["agent-heartbeat-source", "node", "node-addons"],
  },
  transform,
  // Packages that ship ES modules only.
  transformIgnorePatterns: [`/node_modules/(?!(?:${ES_MODULES.join("|")})/)`],
};

const browser = {
  ...common,
  displayName: "browser",
  testMatch: ["<rootDir>/test/**/*.browser.test.ts"],
  globalSetup: "<rootDir>/testing/set-up.js",
};

const withoutBrowser = [
  {
    ...common,
    displayName: "unit",
    testMatch: ["<rootDir>/test/**/*.test.ts"],
    testPathIgnorePatterns: ["<rootDir>/test/e2e/", "\\.(e2e|browser)\\.test\\.ts$", ...LONG],
    globalSetup: "<rootDir>/testing/set-up.js",
  },
  {
    ...common,
    displayName: "e2e",
    testMatch: ["<rootDir>/test/e2e/**/*.test.ts", "<rootDir>/test/**/*.e2e.test.ts"],
    testPathIgnorePatterns: LONG,
    globalSetup: "<rootDir>/testing/e2e/set-up.js",
    globalTeardown: "<rootDir>/testing/e2e/tear-down.js",
  },
];

module.exports = {
  // No test is judged by its time: this ends one that hangs, on the slowest of machines.
  testTimeout: 600_000,
  // Half of a worker's time is waiting: for a browser, a process, or a lease to end. Two cores have work for four.
  maxWorkers: Math.max(4, availableParallelism()),
  // A new worker has to load everything again: the modules of a suite take longer than most of its tests.
  workerIdleMemoryLimit: "1GB",
  reporters: ["default", "<rootDir>/testing/count-reporter.js"],
  // `npm run test:browser`: those that need Chromium.
  projects: process.env.BROWSER === undefined ? withoutBrowser : [browser],
};

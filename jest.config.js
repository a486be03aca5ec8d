/** Jest settings: TypeScript through swc, packages of this repository from their sources. */

const transform = {
  "\\.(ts|js|mjs)$": ["@swc/jest", { jsc: { target: "es2023", parser: { syntax: "typescript" } } }],
};

const common = {
  testEnvironment: "node",
  testEnvironmentOptions: {
    customExportConditions: ["agent-heartbeat-source", "node", "node-addons"],
  },
  transform,
  // jose ships ES modules only.
  transformIgnorePatterns: ["/node_modules/(?!jose/)"],
};

module.exports = {
  projects: [
    {
      ...common,
      displayName: "unit",
      testMatch: ["<rootDir>/test/**/*.test.ts"],
      testPathIgnorePatterns: ["<rootDir>/test/e2e/"],
    },
  ],
};

/** The README of the command line, followed like a newcomer does. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { follow } from "../readme/follow";
import { stepsOf } from "../readme/steps";
import { expectNothingLeft, type Part } from "./project";

const README = join(__dirname, "..", "..", "cli", "README.md");

export const quickStart: Part = {
  packages: ["sdk", "local", "cli"],
  async run(project) {
    const steps = stepsOf(readFileSync(README, "utf8"), "The local service");
    await follow(steps, {
      directory: project.directory,
      env: { ...process.env, NO_COLOR: "1" },
      // They are installed from the tarballs.
      replaced: (command) => (command.startsWith("npm install ") ? "npm ls" : command),
      signal: project.signal,
    });
    expectNothingLeft(project);
  },
};

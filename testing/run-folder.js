/** One temporary folder for a whole run of the tests, which goes with the run, however that ends. */

const { spawn } = require("node:child_process");
const { mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync } = require("node:fs");
const { tmpdir } = require("node:os");
const { join } = require("node:path");

/** By what Node.js, Chromium and the shell find the system's temporary folder. */
const VARIABLES = ["TMPDIR", "TMP", "TEMP"];

/** Files that other programs keep for their next start, and create again if they are gone. */
const CACHES = /^(tsx-|node-compile-cache$|v8-compile-cache)/;

/** The bundler's process for synchronous builds, which ends with the process that built: jest itself, for a single suite. */
const BUNDLER = /\/esbuild --service=/;

let folder;

/** Makes the folder the temporary one of this process and of all that it starts from now on. */
exports.openRunFolder = () => {
  if (folder) return;
  folder = realpathSync(mkdtempSync(join(tmpdir(), "ah-tests-")));
  // This file as a program, in a group of its own: a Ctrl-C must not end it before its work.
  const remover = spawn(process.execPath, [__filename, folder], {
    cwd: "/",
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
  });
  remover.unref();
  remover.stdin.unref();
  for (const name of VARIABLES) process.env[name] = folder;
};

/** The files and the processes that tests have left behind, a line each. Processes only where there is a /proc. */
exports.leftBehind = () => {
  if (!folder) return [];
  const files = readdirSync(folder).filter((name) => !CACHES.test(name));
  const processes = processesOf(folder)
    .filter(([id, command]) => !(BUNDLER.test(command) && parentOf(id) === process.pid))
    .map(([id, command]) => `process ${id}: ${command}`);
  return [...files.map((name) => `${folder}/${name}`), ...processes];
};

/**
 * Processes that were started with a folder as their temporary one, with their commands. Whoever holds a port open is
 * one of them.
 */
function processesOf(folder) {
  const ids = listed("/proc").filter((name) => /^\d+$/.test(name) && name !== String(process.pid));
  return ids.flatMap((id) => {
    const isOurs = text(`/proc/${id}/environ`).split("\0").includes(`TMPDIR=${folder}`);
    const command = text(`/proc/${id}/cmdline`).replaceAll("\0", " ").trim();
    // One without a command line has ended, and waits for its parent to notice.
    return isOurs && command !== "" ? [[Number(id), command.slice(0, 200)]] : [];
  });
}

/** The fields after the command, which is in parentheses, are the state and the parent. */
const parentOf = (id) => Number(/.*\) \S+ (\d+)/s.exec(text(`/proc/${id}/stat`))?.[1]);

function listed(path) {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

/** Empty for what has ended meanwhile, or belongs to somebody else. */
function text(path) {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

/** Waits for the end of the standard input, which the kernel closes even if the run is killed; then nothing may stay. */
function removeAtEnd(folder) {
  process.stdin.resume().on("end", () => {
    for (const [id] of processesOf(folder)) kill(id);
    rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 });
  });
}

function kill(id) {
  try {
    process.kill(id, "SIGKILL");
  } catch {
    // It has ended by itself.
  }
}

if (require.main === module) removeAtEnd(process.argv[2]);

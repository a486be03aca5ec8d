/** A Chromium for tests. It records the errors of the pages it opens. */

import { existsSync } from "node:fs";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";

const PATHS = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
const executablePath = PATHS.find((path) => existsSync(path));

/** Appended to the names of tests that need a browser. */
export const SKIPPED = executablePath ? "" : ` (skipped: none of ${PATHS.join(", ")} is there)`;

export const hasBrowser = executablePath !== undefined;

export class TestBrowser {
  /** Script errors and violations of the content security policy. */
  readonly problems: string[] = [];
  #browser: Browser | undefined;

  async launch(): Promise<void> {
    this.#browser = await chromium.launch({
      executablePath: executablePath ?? "",
      args: ["--no-sandbox"],
      timeout: 0,
    });
  }

  /**
   * A page in a new browser profile. Its clock is the machine's, until a test advances it with `page.clock`.
   *
   * @param prepare called before the page goes to its address
   */
  async open(
    url: string,
    options: BrowserContextOptions = {},
    prepare: (page: Page) => Promise<void> = async () => undefined,
  ): Promise<Page> {
    if (!this.#browser) throw new Error("expected a browser that is launched, got none");
    const context = await this.#browser.newContext({
      viewport: { width: 1440, height: 900 },
      reducedMotion: "reduce",
      ...options,
    });
    const page = await context.newPage();
    // The test's timeout limits all waits.
    page.setDefaultTimeout(0);
    await page.clock.install();
    page.on("pageerror", (error) => this.problems.push(error.message));
    page.on("console", (message) => {
      // Some tests break the connection intentionally.
      const expected = /WebSocket connection to|net::ERR_/.test(message.text());
      if (message.type() === "error" && !expected) this.problems.push(message.text());
    });
    await prepare(page);
    await page.goto(url);
    return page;
  }

  async close(): Promise<void> {
    await this.#browser?.close();
  }
}

/** The dashboard with a fleet whose texts attack the page: no script runs, and the layout stays intact. */

import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import type { Page } from "playwright-core";
import { hasBrowser, SKIPPED, TestBrowser } from "../../testing/dashboard/browser";
import { presence } from "../../testing/dashboard/fake-fleet";
import { Service } from "../../testing/dashboard/service";

/** The effect of an attack that succeeds. */
const RAN = "hostileTextRan";

const ATTACKS: Record<string, string> = {
  script: `<script>window.${RAN}=1</script>`,
  image: `"><img src=x onerror="window.${RAN}=2">`,
  svg: `<svg/onload=window.${RAN}=3>`,
  link: `javascript:window.${RAN}=4`,
  template: `\${window.${RAN}=5}{{constructor.constructor('window.${RAN}=6')()}}`,
  style: "<style>*{display:none}</style>",
  base: '<base href="https://evil.example/">',
  direction: "\u202egnp.exe\u2066\u202e",
  control: "\u0000\u001b[2J\u0007\u2028",
  halves: "\ufffd\ufffd",
  zalgo: `a${"\u0301".repeat(200)}`,
  prototype: "__proto__",
  long: "x".repeat(10_000),
  words: "word ".repeat(2000),
};

(hasBrowser ? describe : describe.skip)(`the dashboard of a hostile fleet${SKIPPED}`, () => {
  const browser = new TestBrowser();
  let service: Service;
  let page: Page;

  beforeAll(async () => {
    [service] = await Promise.all([Service.start(), browser.launch()]);
    const now = Date.now();
    const online = {
      connectedAt: now - 90_000,
      lastHeartbeatAt: now,
      leaseExpiresAt: now + 3_600_000,
    };
    const said = (text: string) => ({
      ...online,
      instanceId: text,
      connectionId: text,
      activity: {
        state: "working" as const,
        task: text,
        note: text,
        startedAt: 8.64e15,
        progressAt: 1,
      },
    });
    await service.writeRows([
      presence("quiet", online),
      ...Object.entries(ATTACKS).map(([name, text]) => presence(name, said(text))),
      // No registration creates such a row, but a principal with write access to the table can.
      presence(ATTACKS.image ?? "", said("named by hand")),
    ]);
    for (const [name, text] of Object.entries(ATTACKS)) {
      await service.register(name);
      const metadata = Object.defineProperty(
        { [text]: text, deep: { [text]: [text] } },
        "__proto__",
        {
          value: text,
          enumerable: true,
        },
      );
      await service.storeProfile(name, { capabilities: [text, text], metadata });
    }
    page = await browser.open(await service.link());
  });
  afterAll(async () => {
    await browser.close();
    await service?.stop();
  });

  /** Checks that no script ran, nothing was loaded from elsewhere, and the page fits its window. */
  async function expectTame(): Promise<void> {
    expect(await page.evaluate(`window.${RAN}`)).toBeUndefined();
    expect(await page.locator("img[src=x], main script, main svg[onload], main base").count()).toBe(
      0,
    );
    const [content = 0, view = 0] = await page.evaluate<number[]>(
      "[document.documentElement.scrollWidth, document.documentElement.clientWidth]",
    );
    expect(content).toBeLessThanOrEqual(view);
    // Script errors, and violations of the content security policy.
    expect(browser.problems).toEqual([]);
  }

  it("lists agents, and renders their texts as text", async () => {
    await page.getByRole("link", { name: "quiet", exact: true }).waitFor();
    await page.getByRole("link", { name: ATTACKS.image ?? "", exact: true }).waitFor();
    await page
      .getByText(ATTACKS.script ?? "")
      .first()
      .waitFor();
    await expectTame();
  });

  it.each(Object.keys(ATTACKS))("shows an agent whose texts contain %s", async (name) => {
    await page.goto(`${service.runtime.pageUrl}#/agents/${name}`);
    await page.getByRole("heading", { level: 1, name, exact: true }).waitFor();
    await page.getByText("Profile").first().waitFor();
    await expectTame();
  });

  it("treats a hostile address as the name of an unknown agent", async () => {
    for (const text of Object.values(ATTACKS).filter((each) => each.length < 1000)) {
      await page.goto(`${service.runtime.pageUrl}#/agents/${encodeURIComponent(text)}`);
      await expectTame();
    }
    for (const raw of ["%", "%E0%A4%A", "<img src=x onerror=1>"]) {
      await page.goto(`${service.runtime.pageUrl}#/agents/${raw}`);
      await page.getByText("has connected within the retention").waitFor();
      await expectTame();
    }
  });
});

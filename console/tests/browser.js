// A browser for tests: Debian's Chromium, driven by playwright-core. Anything that the
// page reports to the console, an error or a violation of the Content-Security-Policy
// fails the test that asks `problems`.

import { chromium } from "playwright-core";

export const ALL_ROLES = { sub: "dev", scopes: ["orders/read", "orders/write", "orders/operate", "inventory/write"] };

/** Starts the browser. */
export function launch() {
  const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";
  return chromium.launch({ executablePath, args: ["--no-sandbox"] });
}

/**
 * A separate window that shares nothing with the others.
 *
 * @param {import("playwright-core").Browser} browser
 * @param {{width?: number, height?: number, scheme?: "light" | "dark", identity?: {sub: string, scopes: string[]} | null, bypassCSP?: boolean}} [options]
 */
export async function openWindow(browser, { width = 1440, height = 900, scheme = "light", identity = ALL_ROLES, bypassCSP = false } = {}) {
  const context = await browser.newContext({ viewport: { width, height }, colorScheme: scheme, bypassCSP, reducedMotion: "reduce" });
  if (identity) {
    await context.addInitScript((chosen) => {
      if (!localStorage.getItem("orders.development-identity")) localStorage.setItem("orders.development-identity", chosen);
    }, JSON.stringify(identity));
  }
  const page = await context.newPage();
  /** @type {string[]} */
  const problems = [];
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") problems.push(message.text());
  });
  page.on("pageerror", (error) => problems.push(String(error)));
  return { context, page, problems };
}

/**
 * Opens a view and waits until it shows data.
 *
 * @param {import("playwright-core").Page} page
 * @param {string} base
 * @param {string} hash
 */
export async function openView(page, base, hash) {
  const url = `${base}/${hash}`;
  // The view that is left stays until the modules of the next one are there.
  if (page.url() !== url) await page.evaluate(() => document.querySelector("main > *")?.setAttribute("data-left", ""));
  await page.goto(url);
  await page.waitForSelector("main > :is(.view, .panel):not([data-left])");
  await page.waitForFunction(() => !document.querySelector("main .skeleton"));
}

/**
 * Counts what a window transfers from now on: bytes on the wire, headers included. What
 * only the local stack serves is counted apart.
 *
 * @param {import("playwright-core").Page} page
 */
export async function countBytes(page) {
  const session = await page.context().newCDPSession(page);
  await session.send("Network.enable");
  const total = { bytes: 0, requests: 0, localBytes: 0 };
  /** @type {Map<string, string>} */
  const paths = new Map();
  session.on("Network.responseReceived", ({ requestId, response }) => paths.set(requestId, new URL(response.url).pathname));
  session.on("Network.loadingFinished", ({ requestId, encodedDataLength }) => {
    if (/^\/(console\/local|_local)\//.test(paths.get(requestId) ?? "")) {
      total.localBytes += encodedDataLength;
      return;
    }
    total.bytes += encodedDataLength;
    total.requests += 1;
  });
  return () => ({ ...total });
}

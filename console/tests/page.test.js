// The page against answers that are made up: hostile data, a server that goes away, how
// often it reads, and that nothing jumps.

import assert from "node:assert/strict";
import test from "node:test";

import { launch, openView, openWindow } from "./browser.js";
import { startPage } from "./page-server.js";

const HOSTILE = ["<img src=x onerror=alert(1)>", "x".repeat(5000), "\u202Egnp.exe", "a\u0000b\u0007c\u001b[31m", "👩‍👩‍👧‍👦 Zoë \u0301\u0301\u0301"];
const id = (number) => `ord_${String(number).padStart(32, "0")}`;
const at = "2026-11-28T10:00:00Z";

function orderOf(number) {
  const text = HOSTILE[number % HOSTILE.length];
  return {
    orderId: id(number), customerId: text, status: "IN_REVIEW", total: { amount: 125000, currency: "USD" }, createdAt: at, updatedAt: at, attention: "REVIEW", deadline: "2026-11-30T10:00:00Z",
  };
}

function detailOf(number) {
  const order = orderOf(number);
  const text = order.customerId;
  return {
    ...order, attention: { kind: "REVIEW", since: at }, items: [{ sku: "MUG-01", title: text, quantity: 3, unitPrice: { amount: 1250, currency: "USD" } }],
    timeline: [{ at, status: "RECEIVED" }, { at, status: "IN_REVIEW", detail: text }], payment: { status: "AUTHORIZED" }, cancellable: true, actions: ["review", "cancel"],
    review: { required: true, reasons: ["TOTAL_ABOVE_THRESHOLD"], deadline: order.deadline, by: text, decision: "APPROVE", note: text }, audit: [{ at, actor: text, action: "APPROVE", note: text }],
    facts: { money: { state: "AUTHORIZED", known: true }, label: { state: "NONE", known: true }, stock: { state: "NONE", known: true } },
  };
}

const board = { states: [{ name: "AwaitReview", orders: 5 }], statuses: [{ status: "IN_REVIEW", orders: 5 }], attention: [{ kind: "REVIEW", orders: 5 }], closedToday: [] };

function answer({ url, headers }) {
  const tagged = (body) => (headers["if-none-match"] === '"1"' ? { status: 304, headers: { etag: '"1"' } } : { body, headers: { etag: '"1"' } });
  if (url.pathname === "/board") return tagged({ asOf: at, ...board });
  if (url.pathname === "/orders") return tagged({ orders: [0, 1, 2, 3, 4].map(orderOf) });
  if (url.pathname.endsWith("/execution")) return { body: { status: "RUNNING", startedAt: at, states: [{ name: "ProcessPayment", type: "Task", enteredAt: at, attempts: 2, error: HOSTILE[1] }] } };
  if (url.pathname.startsWith("/orders/")) return tagged(detailOf(Number(url.pathname.slice(-4))));
  if (url.pathname === "/inventory") return { body: { items: HOSTILE.map((title, index) => ({ sku: `S-${index}`, title, unitPrice: { amount: 100, currency: "USD" }, weightGrams: 1, available: 1, received: 1, reserved: 0 })) } };
  return undefined;
}

async function withPage(options, run) {
  const server = await startPage(answer);
  const browser = await launch();
  try {
    const { page, problems } = await openWindow(browser, options);
    await run({ page, problems, server: server.page, stop: server.stop, startAgain: server.startAgain });
  } finally {
    await browser.close();
    await server.stop();
  }
}

for (const width of [360, 1440]) {
  test(`hostile data is text, and breaks nothing, ${width} pixels wide`, () => withPage({ width }, async ({ page, server, problems }) => {
    await page.addInitScript(() => { window.alert = () => document.documentElement.setAttribute("data-alerted", ""); });
    for (const hash of ["#/board", "#/queues/review", "#/stock", ...HOSTILE.map((_, number) => `#/orders/${id(number)}`)]) {
      await openView(page, server.base, hash);
      const found = await page.evaluate(() => ({
        overflow: Math.max(0, document.documentElement.scrollWidth - window.innerWidth),
        images: document.querySelectorAll("main img, main script").length,
        alerted: document.documentElement.hasAttribute("data-alerted"),
        control: /[\u0000-\u0008\u000b-\u001f]/.test(document.querySelector("main")?.textContent ?? ""),
        text: document.querySelector("main")?.textContent ?? "",
      }));
      assert.deepEqual([found.overflow, found.images, found.alerted, found.control], [0, 0, false, false], hash);
      if (hash === "#/stock") assert.ok(found.text.includes(HOSTILE[0]), "the markup is shown as text");
    }
    const isolated = await page.evaluate(() => [...document.querySelectorAll("main *")].filter((element) => element.childElementCount === 0 && element.textContent?.includes("\u202E")).every((element) => element.closest("bdi") !== null || element.closest("[title]") !== null));
    assert.ok(isolated);
    // The local panel is not among the files of this server.
    assert.deepEqual(problems.filter((problem) => !problem.includes("404")), []);
  }));
}

test("a server that goes away is reported, and the page goes on by itself when it is back", () => withPage({}, async ({ page, server, stop, startAgain }) => {
  await openView(page, server.base, "#/board");
  await page.waitForSelector(".orders-table tbody tr");
  await stop();
  await page.waitForSelector(".offline:not([hidden])");
  assert.equal(await page.locator(".orders-table tbody tr").count(), 5, "what was read stays");
  await startAgain();
  await page.waitForSelector(".offline", { state: "hidden" });
}));

test("“Try now” reads at once from a server that is back", () => withPage({}, async ({ page, server, stop, startAgain }) => {
  await page.clock.install();
  await openView(page, server.base, "#/board");
  await page.waitForSelector(".orders-table tbody tr");
  // The page's clock stands still from here on: it does not read by itself.
  await page.clock.pauseAt(Date.now() + 60_000);
  const failed = new Set();
  const allFailed = new Promise((resolve) => page.on("requestfailed", (request) => {
    failed.add(new URL(request.url()).pathname);
    if (failed.has("/board") && failed.has("/orders")) resolve(undefined);
  }));
  await stop();
  await page.clock.runFor(2_000);
  await allFailed;
  await page.waitForSelector(".offline:not([hidden])");
  await startAgain();
  await page.click("text=Try now");
  await page.waitForSelector(".offline", { state: "hidden" });
}));

test("reads are conditional, every second and a half, and seldom while the page is hidden", () => withPage({}, async ({ page, server }) => {
  await openView(page, server.base, "#/board");
  const reads = () => server.requests.filter((request) => request.path === "/board");
  await page.waitForResponse((response) => response.url().endsWith("/board") && response.status() === 304);
  await page.waitForResponse((response) => response.url().endsWith("/board") && response.status() === 304);
  assert.equal(reads().at(-1).ifNoneMatch, '"1"');
  const starts = await page.evaluate(() => performance.getEntriesByType("resource").filter((entry) => entry.name.endsWith("/board")).map((entry) => entry.startTime));
  const [first, second] = starts.slice(-2);
  assert.ok(second - first >= 1400 && starts.length >= 3, `${starts} ms`);
  await page.evaluate(() => Object.defineProperty(document, "hidden", { value: true, configurable: true }));
  await page.waitForTimeout(2500);
  const before = reads().length;
  await page.waitForTimeout(4500);
  assert.equal(reads().length, before);
  await page.evaluate(() => {
    Object.defineProperty(document, "hidden", { value: false, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
  });
  await page.waitForResponse((response) => response.url().endsWith("/board"));
}));

test("nothing jumps when the data comes", () => withPage({}, async ({ page, server }) => {
  await page.addInitScript(() => {
    window.shift = 0;
    new PerformanceObserver((list) => list.getEntries().forEach((entry) => { window.shift += entry.hadRecentInput ? 0 : entry.value; })).observe({ type: "layout-shift", buffered: true });
  });
  await openView(page, server.base, "#/board");
  await page.waitForSelector(".wf-node");
  // Two updates later.
  for (let update = 0; update < 2; update += 1) await page.waitForResponse((response) => response.url().endsWith("/board") && response.status() === 304);
  assert.ok((await page.evaluate(() => window.shift)) < 0.1, String(await page.evaluate(() => window.shift)));
}));

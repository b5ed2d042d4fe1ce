// The page on a running stack with the real binaries. Each test leaves a screenshot in
// target/console; each fails on anything that the browser reports, a violation of the
// Content-Security-Policy included.

import assert from "node:assert/strict";
import { copyFileSync, mkdirSync, readFileSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";
import test, { after, before } from "node:test";

import { STATUSES } from "../format.js";
import { violations } from "./axe.js";
import { countBytes, launch, openView, openWindow } from "./browser.js";
import { Stack } from "./stack.js";

const SCREENSHOTS = fileURLToPath(new URL("../../target/console/", import.meta.url));
const FAULTS = JSON.parse(readFileSync(new URL("../../local/stack/faults.json", import.meta.url), "utf8"));
/** Its screenshot is docs/images/order.png: copied there with UPDATE_SCREENSHOT=1. */
const SHOWN_IN_README = "hold-lapses";
const CUSTOMER = { sub: "customer-1", scopes: ["orders/read", "orders/write"] };
const operator = (sub) => ({ sub, scopes: ["orders/read", "orders/operate"] });

/** @type {Stack} */
let stack;
/** @type {import("playwright-core").Browser} */
let browser;

before(async () => {
  mkdirSync(SCREENSHOTS, { recursive: true });
  stack = await Stack.start();
  browser = await launch();
}, { timeout: 600_000 });

after(async () => {
  await browser?.close();
  await stack?.stop();
});

/**
 * Runs a test in a window. What the browser reports fails it, except what `expected` names:
 * Chromium reports each answer that is an error, and each connection that fails.
 *
 * @param {(window: {page: import("playwright-core").Page}) => Promise<void>} run
 * @param {{expected?: RegExp, identity?: {sub: string, scopes: string[]}, width?: number, scheme?: "light" | "dark", bypassCSP?: boolean}} [options]
 */
async function inWindow(run, { expected, ...options } = {}) {
  const { context, page, problems } = await openWindow(browser, options);
  page.setDefaultTimeout(60_000);
  try {
    await run({ page });
  } catch (error) {
    await page.screenshot({ path: `${SCREENSHOTS}failed.png` });
    throw new Error(`at ${page.url()}, after ${JSON.stringify(problems)}`, { cause: error });
  } finally {
    await context.close();
  }
  assert.deepEqual(problems.filter((problem) => !expected?.test(problem)), []);
}

async function shoot(page, name) {
  await page.evaluate(() => scrollTo(0, 0));
  await page.screenshot({ path: `${SCREENSHOTS}${name}.png` });
}

const goTo = (page, hash) => page.evaluate((to) => { location.hash = to; }, hash);
const showsStatus = (page, status) => page.locator(".order-head .badge", { hasText: new RegExp(`^${STATUSES[status].text}$`) }).waitFor();

/** Opens the board and waits for the local panel. */
async function openBoard(page) {
  await openView(page, stack.base, "#/board");
  await page.getByRole("button", { name: "Place order" }).waitFor();
}

/** Clicks a button of the panel that places one order. Returns the order's id. */
async function placed(page, button) {
  const links = page.locator("[aria-label='Orders placed here'] a");
  const newest = await links.count() > 0 ? await links.first().textContent() : "";
  await page.getByRole("button", { name: button, exact: true }).click();
  const link = links.first().filter({ hasNotText: newest || "no order" });
  return String(await link.textContent());
}

async function placeSample(page, title) {
  await page.getByLabel("Sample order").selectOption({ label: title });
  return placed(page, "Place sample");
}

/** Answers the dialog that is open. */
async function confirm(page, button) {
  await page.getByRole("dialog").getByRole("button", { name: button, exact: true }).click();
  await page.getByRole("dialog").waitFor({ state: "detached" });
}

/** Waits until the panel shows the ledger of this order, and of all orders, as balanced. */
async function showsBalance(page) {
  await page.locator(".local-section .row-between", { hasText: "This order" }).getByText("Balanced", { exact: true }).waitFor();
  await page.locator(".local-section .panel-head", { hasText: "Ledger" }).getByText("Balanced", { exact: true }).waitFor();
}

test("an order placed in the panel is watched to its end without a reload", () => inWindow(async ({ page }) => {
  await openBoard(page);
  await page.evaluate(() => document.documentElement.setAttribute("data-first-load", ""));
  const id = await placed(page, "Place order");
  await page.getByRole("link", { name: id }).first().click();
  await showsStatus(page, "FULFILLED");
  await page.locator(".timeline").getByText("Payment captured, order fulfilled").waitFor();
  await showsBalance(page);
  assert.ok(await page.evaluate(() => document.documentElement.hasAttribute("data-first-load")), "the page was loaded once");
  await shoot(page, "fulfilled");
}));

test("the first view transfers less than 120 kB, without the panel that a deployment does not have", (t) => inWindow(async ({ page }) => {
  const transferred = await countBytes(page);
  await openBoard(page);
  const { bytes, requests, localBytes } = transferred();
  t.diagnostic(`${bytes} bytes in ${requests} requests, and ${localBytes} bytes for the local panel`);
  assert.ok(bytes > 10_000 && bytes < 120_000, `${bytes} bytes`);
}));

test("two operators decide one review at once: one decision counts, and the other operator sees whose", () => inWindow(async ({ page: board }) => {
  await openBoard(board);
  const id = await placeSample(board, "needs review");
  await inWindow(({ page: first }) => inWindow(async ({ page: second }) => {
    for (const [page, button] of [[first, "Approve"], [second, "Reject"]]) {
      await openView(page, stack.base, "#/queues/review");
      await page.locator(".card", { has: page.locator(`a[href="#/orders/${id}"]`) }).getByRole("button", { name: button }).click();
    }
    await confirm(first, "Approve");
    await second.getByRole("dialog").getByRole("button", { name: "Reject" }).click();
    await second.getByRole("dialog").getByRole("alert").getByText("olivia decided first").waitFor();
    await shoot(second, "review-decided-by-another");
    await second.getByRole("button", { name: "Go back" }).click();
    await goTo(second, `#/orders/${id}`);
    await showsStatus(second, "FULFILLED");
    await second.locator("dd", { hasText: "by olivia" }).waitFor();
    await shoot(second, "review-who-decided");
  }, { identity: operator("oscar"), expected: /status of 409/ }), { identity: operator("olivia") });
}));

test("a restock resumes a back-order", () => inWindow(async ({ page }) => {
  await openBoard(page);
  const id = await placeSample(page, "back ordered");
  await goTo(page, "#/queues/backorders");
  await page.locator(".card", { has: page.locator(`a[href="#/orders/${id}"]`) }).getByRole("link", { name: "Restock" }).click();
  await page.locator("tr", { hasText: "GLOBE-01" }).getByRole("button", { name: "Restock" }).click();
  await page.getByLabel("Quantity received").fill("5");
  await confirm(page, "Restock");
  await page.locator(".toast", { hasText: "1 order goes on" }).waitFor();
  await shoot(page, "restocked");
  await goTo(page, `#/orders/${id}`);
  await showsStatus(page, "FULFILLED");
  await showsBalance(page);
}));

test("a customer cancels an order and signs out", () => inWindow(async ({ page: board }) => {
  await openBoard(board);
  const id = await placeSample(board, "needs review");
  await inWindow(async ({ page }) => {
    await openView(page, stack.base, `#/orders/${id}`);
    await page.getByRole("button", { name: "Cancel order" }).click();
    await confirm(page, "Cancel order");
    await showsStatus(page, "CANCELLED");
    await shoot(page, "canceled-by-customer");
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByText("All roles").waitFor();
    assert.equal(await page.locator(".order-head").count(), 0, "nothing of the order is left");
    await shoot(page, "signed-out");
  }, { identity: CUSTOMER });
  await goTo(board, `#/orders/${id}`);
  await showsStatus(board, "CANCELLED");
  await showsBalance(board);
}));

test("a server that dies is reported, and the page goes on when it is back", () => inWindow(async ({ page }) => {
  await openBoard(page);
  const id = await placeSample(page, "needs review");
  await page.locator(`.orders-table a[href="#/orders/${id}"]`).waitFor();
  await stack.kill();
  await page.locator(".offline").waitFor();
  await shoot(page, "server-died");
  await stack.startAgain();
  await page.locator(".offline").waitFor({ state: "hidden" });
  await goTo(page, `#/orders/${id}`);
  await page.getByRole("button", { name: "Approve" }).click();
  await confirm(page, "Approve");
  await showsStatus(page, "FULFILLED");
  await showsBalance(page);
}, { expected: /ERR_(CONNECTION|EMPTY|SOCKET|INCOMPLETE)/ }));

/** Arms a fault in the panel, places an order that it meets, and returns the order's id. */
async function breakNext(page, title) {
  const button = page.getByRole("button", { name: `For the next order: ${title}`, exact: true });
  await button.click();
  await button.and(page.locator("[aria-pressed=true]")).waitFor();
  return placed(page, "Place order");
}

/** The button of the action with which an operator resumes the order. */
function resumeButton(fault) {
  const { action } = fault.resolve.find((step) => step.do === "resume");
  return { capture: "Capture again", retry: "Retry" }[action];
}

for (const fault of FAULTS.filter((fault) => fault.resolve)) {
  test(`an operator helps an order that is stuck: ${fault.title}`, () => inWindow(async ({ page }) => {
    await openBoard(page);
    await page.getByRole("button", { name: "An hour a second" }).click();
    const id = await breakNext(page, fault.title);
    await goTo(page, `#/orders/${id}`);
    await showsStatus(page, "NEEDS_ATTENTION");
    // No deadline passes while the operator acts.
    await page.getByRole("button", { name: "Real time" }).click();
    await shoot(page, `stuck-${fault.id}`);
    await page.getByRole("button", { name: "Remove all faults" }).click();
    await page.getByRole("button", { name: "Remove all faults" }).and(page.locator(":disabled")).waitFor();
    await goTo(page, "#/queues/stuck");
    const button = resumeButton(fault);
    await page.locator(".card", { has: page.locator(`a[href="#/orders/${id}"]`) }).getByRole("button", { name: button, exact: true }).click();
    await confirm(page, button);
    await goTo(page, `#/orders/${id}`);
    await showsStatus(page, fault.expect.status);
    await showsBalance(page);
    await shoot(page, `fault-${fault.id}`);
  }));
}

/** @param {string} path */
function keepForReadme(path) {
  assert.ok(statSync(path).size < 200_000, "the README's image is under 200 kB");
  if (process.env.UPDATE_SCREENSHOT) copyFileSync(path, new URL("../../docs/images/order.png", import.meta.url));
}

test("each fault of the panel ends as its text says, with a balanced ledger", () => inWindow(async ({ page }) => {
  await openBoard(page);
  await page.getByLabel("Skip waiting").check();
  const orders = [];
  for (const fault of FAULTS.filter((fault) => !fault.resolve)) orders.push({ fault, id: await breakNext(page, fault.title) });
  for (const { fault, id } of orders) {
    await goTo(page, `#/orders/${id}`);
    await page.locator("h1", { hasText: id }).waitFor();
    await showsStatus(page, fault.expect.status);
    await showsBalance(page);
    await page.mouse.move(0, 0);
    await shoot(page, `fault-${fault.id}`);
    if (fault.id === SHOWN_IN_README) keepForReadme(`${SCREENSHOTS}fault-${fault.id}.png`);
  }
  const { planted } = await page.evaluate(() => fetch("/_local/faults").then((response) => response.json()));
  assert.deepEqual(planted.filter((entry) => entry.fired === 0 || entry.failure), [], "each fault fired");
  assert.deepEqual(planted.map((entry) => entry.orderId).sort(), orders.map(({ id }) => id).sort(), "each on a separate order");
}, { expected: /status of 500/ }));

/** One order in each status, of those that met a fault and those that wait. */
function orderOfEachStatus(page, waiting) {
  return page.evaluate(async (ids) => {
    const headers = { authorization: "Bearer dev:dev:orders/read,orders/operate" };
    const read = async (path) => (await fetch(path, { headers })).json();
    const { planted } = await read("/_local/faults");
    const orders = await Promise.all([...ids, ...planted.map(({ orderId }) => orderId)].map((id) => read(`/orders/${id}`)));
    return [...new Map(orders.map(({ orderId, status }) => [status, orderId]))];
  }, waiting);
}

/** Opens a view and waits for its data, and for the local panel if it has one. */
async function openWithPanel(page, hash) {
  await openView(page, stack.base, hash);
  if (await page.locator(".local-panel").count() > 0) await page.locator(".local-panel .local-section").first().waitFor();
}

test("no view of the running stack violates WCAG 2.2 AA", () => inWindow(async ({ page: board }) => {
  await openBoard(board);
  // The clock of the faults before may skip over the deadlines of these.
  await board.getByLabel("Skip waiting").uncheck();
  const waiting = [await placeSample(board, "needs review")];
  // The restock above has left four units.
  for (let order = 1; order <= 5; order += 1) waiting.push(await placeSample(board, "back ordered"));
  await openView(board, stack.base, "#/queues/backorders");
  await board.locator(".card").first().waitFor();
  const orders = new Map(await orderOfEachStatus(board, waiting));
  for (const status of ["IN_REVIEW", "BACKORDERED", "FULFILLED", "PAYMENT_FAILED", "OUT_OF_STOCK", "SHIPPING_FAILED"]) assert.ok(orders.has(status), status);
  const views = [
    ["board", "#/board"], ["review", "#/queues/review"], ["stuck", "#/queues/stuck"], ["backorders", "#/queues/backorders"], ["stock", "#/stock"],
    ...[...orders].map(([status, id]) => [status.toLowerCase(), `#/orders/${id}`]),
  ];
  for (const [width, scheme] of [[1440, "light"], [1440, "dark"], [360, "light"], [360, "dark"]]) {
    await inWindow(async ({ page }) => {
      for (const [name, hash] of views) {
        await openWithPanel(page, hash);
        assert.deepEqual(await violations(page), [], `${hash}, ${width} ${scheme}`);
        await shoot(page, `view-${name}-${width}-${scheme}`);
      }
    }, { width, scheme, bypassCSP: true });
    await inWindow(async ({ page }) => {
      for (const hash of ["#/orders", `#/orders/${orders.get("IN_REVIEW")}`]) {
        await openWithPanel(page, hash);
        assert.deepEqual(await violations(page), [], `a customer at ${hash}, ${width} ${scheme}`);
        await shoot(page, `customer-${hash.length > 9 ? "order" : "orders"}-${width}-${scheme}`);
      }
    }, { width, scheme, bypassCSP: true, identity: CUSTOMER });
  }
}));

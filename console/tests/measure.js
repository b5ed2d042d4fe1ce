// Measures the board of a running stack, after `cargo local load`:
//   npm run measure -- http://127.0.0.1:8080
// Prints the time and the bytes of the first view, how long an order that was just placed
// takes to appear, and the tasks of the browser's main thread over 50 ms (`longtask`).

import { countBytes, launch, openWindow } from "./browser.js";

const ORDERS = 20;
const [base] = process.argv.slice(2);
if (!base) {
  console.error("usage: npm run measure -- URL");
  process.exit(2);
}

/** Places an order that waits for its review. @param {import("playwright-core").Page} page */
function place(page) {
  return page.evaluate(async () => {
    const samples = await (await fetch("/_local/samples")).json();
    const { body } = samples.orders.find((/** @type {any} */ order) => order.name === "needs-review");
    const headers = { authorization: "Bearer dev:customer-1:orders/write", "content-type": "application/json", "idempotency-key": crypto.randomUUID() };
    const response = await fetch("/orders", { method: "POST", headers, body: JSON.stringify(body) });
    return (await response.json()).orderId;
  });
}

/** @param {number[]} values */
const summary = (values) => {
  const sorted = values.toSorted((a, b) => a - b);
  return { median: sorted[Math.floor(sorted.length / 2)], max: sorted.at(-1) };
};

const browser = await launch();
const { page, problems } = await openWindow(browser);
const transferred = await countBytes(page);
await page.addInitScript(() => {
  window.longTasks = [];
  new PerformanceObserver((list) => window.longTasks.push(...list.getEntries().map((entry) => Math.round(entry.duration)))).observe({ type: "longtask", buffered: true });
});
const opened = Date.now();
await page.goto(base);
await page.waitForSelector(".wf-node");
const picture = Date.now() - opened;
await page.waitForSelector(".orders-table tbody tr");
const rows = Date.now() - opened;
console.log("first view", { ...transferred(), pictureMs: picture, rowsMs: rows });

const delays = [];
for (let number = 0; number < ORDERS; number += 1) {
  const id = await place(page);
  const placed = Date.now();
  await page.locator(`.orders-table a[href="#/orders/${id}"]`).waitFor();
  delays.push(Date.now() - placed);
}
console.log(`a new order appears on the board, ${ORDERS} orders, ms`, summary(delays));
const open = await page.locator(".figure strong").first().textContent();
const longTasks = await page.evaluate(() => window.longTasks);
console.log("open orders", open, "tasks over 50 ms", longTasks.length === 0 ? "none" : longTasks, "problems", problems);
await browser.close();

// Screenshots of every view of a running stack, to be looked at:
//   npm run screenshots -- http://127.0.0.1:8080 FOLDER [ORDER…]

import { mkdirSync } from "node:fs";
import { join } from "node:path";

import { launch, openView, openWindow } from "./browser.js";

const [base, folder, ...orders] = process.argv.slice(2);
if (!base || !folder) {
  console.error("usage: npm run screenshots -- URL FOLDER [ORDER…]");
  process.exit(2);
}
mkdirSync(folder, { recursive: true });
const views = {
  board: "#/board", review: "#/queues/review", stuck: "#/queues/stuck", backorders: "#/queues/backorders", stock: "#/stock", "my-orders": "#/orders",
  ...Object.fromEntries(orders.map((id, index) => [`order-${index + 1}`, `#/orders/${id}`])),
};
const browser = await launch();
for (const width of [1440, 360]) {
  for (const scheme of /** @type {const} */ (["light", "dark"])) {
    const { context, page, problems } = await openWindow(browser, { width, height: width < 500 ? 780 : 900, scheme });
    for (const [name, hash] of Object.entries(views)) {
      await openView(page, base, hash);
      await page.waitForTimeout(600);
      await page.screenshot({ path: join(folder, `${name}-${width}-${scheme}.png`), fullPage: width < 500 });
    }
    if (problems.length > 0) console.log(`${width} ${scheme}:`, problems);
    await context.close();
  }
}
await browser.close();

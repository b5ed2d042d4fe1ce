// axe-core finds no violation of WCAG 2.2 AA on any view: light and dark, desktop and phone.
// The orders here are made up, each in another kind of trouble; stack.test.js does the same
// with those of a running stack.

import assert from "node:assert/strict";
import test from "node:test";

import { violations } from "./axe.js";
import { launch, openView, openWindow } from "./browser.js";
import { answer, orderId } from "./canned.js";
import { startPage } from "./page-server.js";

const CUSTOMER = { sub: "alice", scopes: ["orders/read", "orders/write"] };

for (const width of [1440, 360]) {
  for (const scheme of ["light", "dark"]) {
    test(`no violation of WCAG 2.2 AA, ${scheme}, ${width} pixels wide`, async () => {
      const server = await startPage(answer);
      const { base } = server.page;
      const browser = await launch();
      try {
        const signedOut = await openWindow(browser, { width, scheme, identity: null, bypassCSP: true });
        await signedOut.page.goto(base);
        await signedOut.page.waitForSelector("text=All roles");
        assert.deepEqual(await violations(signedOut.page), [], "sign-in");

        const { page } = await openWindow(browser, { width, scheme, bypassCSP: true });
        const orders = [1, 2, 3, 5, 6].map((number) => `#/orders/${orderId(number)}`);
        for (const hash of ["#/board", "#/queues/review", "#/queues/stuck", "#/queues/backorders", "#/stock", "#/orders", "#/nowhere", ...orders]) {
          await openView(page, base, hash);
          assert.deepEqual(await violations(page), [], hash);
        }
        await page.click(".wf-text summary");
        assert.deepEqual(await violations(page), [], "the workflow as a list");
        await page.locator("input[type=range]").press("ArrowLeft");
        assert.deepEqual(await violations(page), [], "a replay");
        await openView(page, base, "#/queues/stuck");
        await page.click("text=Undo and refund");
        assert.deepEqual(await violations(page), [], "a dialog");

        const customer = await openWindow(browser, { width, scheme, identity: CUSTOMER, bypassCSP: true });
        await openView(customer.page, base, `#/orders/${orderId(5)}`);
        assert.deepEqual(await violations(customer.page), [], "a customer's order");
        await server.stop();
        await customer.page.waitForSelector(".offline:not([hidden])");
        assert.deepEqual(await violations(customer.page), [], "offline");
      } finally {
        await browser.close();
        await server.stop();
      }
    });
  }
}

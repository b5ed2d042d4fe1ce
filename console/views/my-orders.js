// @ts-check
// A customer's own orders.

import { h, keyed, setText } from "../dom.js";
import { fullTime, money, shortId, time } from "../format.js";
import { poll } from "../poll.js";
import { localPanel } from "./local-panel.js";
import { empty, paintStatus, skeletonRows } from "./parts.js";

/** @param {import("../app.js").Context} context */
export function open(context) {
  const body = h("tbody");
  const table = h("table", { class: "table orders-table" }, h("caption", { class: "visually-hidden", text: "My orders" }),
    h("thead", {}, h("tr", {}, ["Order", "Status", "Placed", "Total"].map((text) => h("th", { scope: "col", class: text === "Total" ? "number" : "", text })))), body);
  table.hidden = true;
  const state = h("div", {}, skeletonRows(4));
  const more = h("button", { class: "button button-small", hidden: true }, "Show more");
  const local = localPanel(context);
  const element = h("div", { class: "view" }, h("div", { class: "summary" }, h("h1", { text: "My orders" })),
    h("div", { class: local ? "columns columns-local" : "columns" },
      h("section", { class: "panel", "aria-label": "My orders" }, h("div", { class: "table-scroll" }, table), state, h("div", { class: "pager" }, more)), local?.element ?? null));
  const rows = keyed(body, (/** @type {any} */ order) => order.orderId, (/** @type {any} */ first) => {
    const badge = h("span", { class: "badge" });
    const total = h("span");
    const row = h("tr", {}, h("td", {}, h("a", { class: "mono", href: `#/orders/${first.orderId}`, title: first.orderId, text: shortId(first.orderId) })), h("td", {}, badge),
      h("td", {}, h("time", { class: "soft", datetime: first.createdAt, title: fullTime(first.createdAt), text: time(first.createdAt) })), h("td", { class: "number" }, total));
    row.addEventListener("click", () => {
      location.hash = `#/orders/${first.orderId}`;
    });
    return {
      element: row,
      update(/** @type {any} */ order) {
        paintStatus(badge, order.status);
        setText(total, money(order.total));
      },
    };
  });
  let pages = 1;
  more.addEventListener("click", () => {
    pages += 1;
    poller.now();
  });
  const poller = poll(async (signal) => {
    /** @type {any[]} */
    const orders = [];
    let cursor = "";
    for (let page = 0; page < pages; page += 1) {
      const { body: answer } = await context.api.read(`/orders?limit=50${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ""}`, { signal });
      orders.push(...(answer.orders ?? []));
      cursor = answer.nextCursor ?? "";
      if (!cursor) break;
    }
    rows.update(orders);
    table.hidden = orders.length === 0;
    more.hidden = !cursor;
    state.replaceChildren(...(orders.length > 0 ? [] : [empty("No orders yet", context.isLocal ? "Place one in the panel “Local stack”." : "Orders that you place appear here.")]));
    context.fresh();
  });
  return { title: "My orders", element, destroy: () => { poller.stop(); local?.destroy(); } };
}

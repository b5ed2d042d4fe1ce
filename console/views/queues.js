// @ts-check
// What waits for a person: reviews, stuck orders, back-orders. One card for each order,
// with what is known and what may be done.

import { actionButtons } from "../actions.js";
import { now } from "../clock.js";
import { data, h, keyed, replaceWhen, setAttributes, setText } from "../dom.js";
import { age, causeWords, codeWords, countdown, fullTime, money, REVIEW_REASONS, shortId, time } from "../format.js";
import { poll } from "../poll.js";
import { factsTable } from "./facts.js";
import { empty, paintStatus, skeletonRows } from "./parts.js";

const PAGE = 24;

/** @type {Record<string, {title: string, about: string, attention: string, none: [string, string]}>} */
const QUEUES = {
  review: {
    title: "Review", attention: "REVIEW", about: "Orders that an operator must approve or reject before their deadline. Without a decision they are rejected.",
    none: ["Nothing to review", "Orders at or above the review threshold, and risky ones, appear here by themselves."],
  },
  stuck: {
    title: "Stuck orders", attention: "OPERATOR", about: "Orders that the workflow cannot finish by itself. Nothing happens with them until an operator acts.",
    none: ["No order is stuck", "An order appears here when a provider does not say what happened, or refuses what must be undone."],
  },
  backorders: {
    title: "Back-orders", attention: "BACKORDER", about: "Orders that wait for stock. A restock wakes them, oldest first, only as many as it can serve.",
    none: ["No order waits for stock", "Orders that may wait appear here when a line is out of stock."],
  },
};

/**
 * @param {import("../app.js").Context} context
 * @param {string} name
 */
export function open(context, name) {
  const queue = /** @type {typeof QUEUES[string]} */ (QUEUES[name] ?? QUEUES["review"]);
  const cards = h("ul", { class: "cards" });
  const state = h("div", { class: "panel" }, skeletonRows(4));
  const more = h("p", { class: "soft small", role: "status" });
  const element = h("div", { class: "view" },
    h("div", { class: "summary" }, h("h1", { text: queue.title }), h("p", { class: "soft", text: queue.about })), state, cards, more);
  const list = keyed(cards, (/** @type {any} */ order) => order.orderId, (/** @type {any} */ order) => card(context, order));
  /** The orders themselves: actions and facts are not in the rows. @type {Map<string, {updatedAt: string, order: any}>} */
  const known = new Map();

  const poller = poll(async (signal) => {
    const { body } = await context.api.read(`/orders?attention=${queue.attention}&limit=${PAGE}`, { signal });
    const rows = /** @type {any[]} */ (body.orders ?? []);
    const paint = () => {
      const orders = rows.map((row) => ({ ...row, ...known.get(row.orderId)?.order, waitsFor: row.waitsFor, deadline: row.deadline }));
      list.update(orders);
      state.hidden = rows.length > 0;
      state.replaceChildren(...(rows.length === 0 ? [empty(...queue.none)] : []));
      setText(more, body.nextCursor ? `The ${PAGE} oldest orders. More appear as these are done.` : "");
    };
    paint();
    // The few that have changed are read one after the other, so that the API is not flooded.
    for (const row of rows) {
      if (known.get(row.orderId)?.updatedAt === row.updatedAt) continue;
      const order = await context.api.get(`/orders/${row.orderId}`, { signal });
      known.set(row.orderId, { updatedAt: row.updatedAt, order });
      paint();
    }
    for (const id of known.keys()) if (!rows.some((row) => row.orderId === id)) known.delete(id);
    context.fresh();
  });
  return { title: queue.title, element, destroy: () => poller.stop() };
}

/**
 * @param {import("../app.js").Context} context
 * @param {any} first
 */
function card(context, first) {
  const badge = h("span", { class: "badge" });
  const total = h("strong");
  const waited = h("time", { class: "soft small" });
  const deadline = h("span", { class: "deadline" });
  const body = h("div", { class: "stack" });
  const actions = h("div", { class: "card-actions" });
  const element = h("li", { class: "panel card" },
    h("div", { class: "card-head" }, h("a", { class: "mono clip", href: `#/orders/${first.orderId}`, title: first.orderId, text: shortId(first.orderId) }), total),
    h("div", { class: "row-between" }, h("span", { class: "row" }, badge, waited), deadline),
    body, actions);
  return {
    element,
    /** @param {any} order */
    update(order) {
      paintStatus(badge, order.status);
      setText(total, money(order.total));
      const since = order.attention?.since ?? order.createdAt;
      setText(waited, `for ${age(since)}`);
      setAttributes(waited, { datetime: since, title: fullTime(since) });
      setText(deadline, order.deadline ? countdown(order.deadline) : "");
      setAttributes(deadline, { title: order.deadline ? fullTime(order.deadline) : null, "data-soon": order.deadline && Date.parse(order.deadline) - now() < 3_600_000 ? true : null });
      replaceWhen(body, JSON.stringify([order.attention, order.review, order.backorder, order.facts, order.customerId, order.waitsFor]), () => cardBody(order));
      replaceWhen(actions, JSON.stringify(order.actions ?? null), () => order.actions === undefined ? [h("span", { class: "skeleton grow" })] : actionButtons(context, order));
    },
  };
}

/** @param {any} order */
function cardBody(order) {
  const list = h("dl", { class: "facts" });
  const add = (/** @type {string} */ name, /** @type {Node | string} */ value) => list.append(h("dt", { text: name }), h("dd", {}, value));
  if (order.customerId) add("Customer", data(order.customerId));
  if (order.items) add("Lines", data(order.items.map((/** @type {any} */ item) => `${item.quantity} × ${item.title}`).join(", ")));
  if (order.attention?.cause) add("Cause", causeWords(order.status, order.attention.cause));
  if (order.waitsFor) add("Waits for", h("span", {}, data(order.waitsFor, "mono"), " ", h("a", { href: `#/stock/${encodeURIComponent(order.waitsFor)}` }, "Restock")));
  const reasons = order.review?.reasons;
  if (reasons?.length && order.attention?.kind === "REVIEW") add("Reasons", h("ul", {}, reasons.map((/** @type {string} */ reason) => h("li", { text: REVIEW_REASONS[reason] ?? codeWords(reason) }))));
  if (order.review?.decision) add("Decided", h("span", {}, codeWords(order.review.decision), " by ", data(order.review.by ?? ""), order.review.at ? `, ${time(order.review.at)}` : ""));
  return [list, order.facts && order.attention?.kind === "OPERATOR" ? factsTable(order.facts) : null];
}

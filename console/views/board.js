// @ts-check
// The board: how many orders are in each state, and the orders as rows.

import { data, h, keyed, setAttributes, setText } from "../dom.js";
import { age, ATTENTIONS, countdown, fullTime, money, shortId, STATUSES } from "../format.js";
import { now } from "../clock.js";
import { poll } from "../poll.js";
import { createDiagram } from "../workflow/diagram.js";
import { localPanel } from "./local-panel.js";
import { empty, paintStatus, skeletonRows, STATE_TITLES } from "./parts.js";

const PAGE = 50;
/** So many stuck orders, and so many reviews, come first. */
const URGENT = 5;
const AGES = [["", "Any age"], ["600", "Older than 10 min"], ["3600", "Older than 1 h"], ["86400", "Older than 1 day"], ["259200", "Older than 3 days"]];

/** @type {Record<string, string>} The status of orders that wait in a state. */
const STATUS_OF_STATE = {
  WaitUntilScheduled: "SCHEDULED", AwaitReview: "IN_REVIEW", AwaitRestock: "BACKORDERED", AwaitOperator: "NEEDS_ATTENTION",
  PaymentFailureHandler: "PAYMENT_FAILED", InventoryFailureHandler: "OUT_OF_STOCK", ShippingFailureHandler: "SHIPPING_FAILED", OrderRejected: "REJECTED", OrderCancelled: "CANCELLED", OrderFulfilled: "FULFILLED", End: "FULFILLED",
  ScheduledForLater: "RECEIVED", ProcessPayment: "RECEIVED", CheckInventory: "AUTHORIZED", InitiateShipping: "RESERVED", CapturePayment: "SHIPPING",
};

/** @param {import("../app.js").Context} context */
export function open(context) {
  const filters = readFilters();
  const stopped = /** @type {(() => void)[]} */ ([]);

  const figures = createFigures();
  const diagramHost = h("div", { class: "panel diagram-panel" });
  const list = createList(context, filters);
  const local = localPanel(context);
  const element = h("div", { class: "view" },
    h("div", { class: "summary" }, h("h1", { text: "Board" }), figures.element),
    diagramHost,
    h("div", { class: local ? "columns columns-local" : "columns" }, list.element, local?.element ?? null));

  let counts = /** @type {Record<string, number>} */ ({});
  /** @type {ReturnType<typeof createDiagram> | undefined} */
  let diagram;
  void context.workflow().then((definition) => {
    diagram = createDiagram(diagramHost, {
      definition,
      label: "Orders in each state of the workflow",
      titles: STATE_TITLES,
      unit: "orders",
      onSelect: (name) => list.select(STATUS_OF_STATE[name] ?? ""),
    });
    diagram.update({ counts });
  });
  const onBoard = (/** @type {any} */ board) => {
    if (!board) return;
    counts = Object.fromEntries((board.states ?? []).map((/** @type {any} */ state) => [state.name, state.orders]));
    diagram?.update({ counts });
    figures.update(board);
  };
  const listener = (/** @type {Event} */ event) => onBoard(/** @type {CustomEvent} */ (event).detail);
  addEventListener("board", listener);
  void context.board().then(onBoard);
  stopped.push(() => removeEventListener("board", listener), () => diagram?.destroy(), list.stop, () => local?.destroy());
  return { title: "Board", element, destroy: () => stopped.forEach((stop) => stop()) };
}

function createFigures() {
  const figure = (/** @type {string} */ text, /** @type {string} */ tone, /** @type {string} */ href = "") => {
    const value = h("strong", { text: "–" });
    const element = h(href ? "a" : "span", { class: "figure", "data-tone": tone, href: href || null }, value, text);
    return { element, set: (/** @type {number} */ number) => setText(value, number.toLocaleString()) };
  };
  const open = figure("open", "");
  const review = figure("to review", "warn", "#/queues/review");
  const stuck = figure("stuck", "danger", "#/queues/stuck");
  const backorder = figure("back-ordered", "warn", "#/queues/backorders");
  const fulfilled = figure("fulfilled today", "ok");
  const failed = figure("closed otherwise today", "");
  const element = h("div", { class: "figures" }, [open, review, stuck, backorder, fulfilled, failed].map((entry) => entry.element));
  const sum = (/** @type {any[]} */ entries) => entries.reduce((total, entry) => total + entry.orders, 0);
  return {
    element,
    /** @param {any} board */
    update(board) {
      const attention = (/** @type {string} */ kind) => sum((board.attention ?? []).filter((/** @type {any} */ entry) => entry.kind === kind));
      const closed = board.closedToday ?? [];
      open.set(sum((board.statuses ?? []).filter((/** @type {any} */ entry) => STATUSES[entry.status])));
      review.set(attention("REVIEW"));
      stuck.set(attention("OPERATOR"));
      backorder.set(attention("BACKORDER"));
      fulfilled.set(sum(closed.filter((/** @type {any} */ entry) => entry.status === "FULFILLED")));
      failed.set(sum(closed.filter((/** @type {any} */ entry) => entry.status !== "FULFILLED")));
    },
  };
}

function readFilters() {
  const query = new URLSearchParams(location.hash.split("?")[1] ?? "");
  return {
    status: STATUSES[query.get("status") ?? ""] ? query.get("status") ?? "" : "",
    attention: ATTENTIONS[query.get("attention") ?? ""] ? query.get("attention") ?? "" : "",
    age: query.get("age") ?? "",
  };
}

/**
 * @param {import("../app.js").Context} context
 * @param {{status: string, attention: string, age: string}} filters
 */
function createList(context, filters) {
  const search = h("input", { class: "input search", type: "search", placeholder: "Order id or customer", "aria-label": "Order id or customer", autocomplete: "off", spellcheck: "false" });
  const status = select("Status", [["", "Open orders"], ...Object.entries(STATUSES).filter(([code]) => code !== "AUTHENTICATION_REQUIRED").map(([code, { text }]) => [code, text])], filters.status);
  const attention = select("Attention", [["", "Any attention"], ...Object.entries(ATTENTIONS).map(([code, { text }]) => [code, text])], filters.attention);
  const ages = select("Age", AGES, filters.age);
  const body = h("tbody");
  const table = h("table", { class: "table orders-table" },
    h("caption", { class: "visually-hidden", text: "Orders" }),
    h("thead", {}, h("tr", {}, ["Order", "Status", "Customer", "Total", "Waits for", "Age"].map((text) => h("th", { scope: "col", class: text === "Total" || text === "Age" ? "number" : "", text })))),
    body);
  const state = h("div", {}, skeletonRows(8));
  table.hidden = true;
  const previous = h("button", { class: "button button-small", disabled: true }, "Newer");
  const next = h("button", { class: "button button-small", disabled: true }, "Older");
  const range = h("span", { class: "small soft", role: "status" });
  const element = h("section", { class: "panel", "aria-label": "Orders" },
    h("div", { class: "panel-head" }, h("h2", { text: "Orders" }), h("div", { class: "filters" }, search, status, attention, ages)),
    h("div", { class: "table-scroll" }, table), state,
    h("div", { class: "pager" }, range, h("div", { class: "row" }, previous, next)));

  const rows = keyed(body, (/** @type {any} */ order) => order.orderId, orderRow);
  /** @type {any[]} */
  let orders = [];
  /** @type {(string | undefined)[]} */
  let cursors = [undefined];
  let nextCursor = "";
  let loaded = "";

  const paint = () => {
    const text = search.value.trim().toLowerCase();
    const shown = text ? orders.filter((order) => `${order.orderId} ${order.customerId ?? ""}`.toLowerCase().includes(text)) : orders;
    rows.update(shown);
    table.hidden = shown.length === 0;
    if (shown.length === 0) {
      const isFiltered = text || status.value || attention.value || ages.value;
      state.replaceChildren(isFiltered
        ? empty("No order matches", "Choose another filter, or enter a whole order id.")
        : empty("No open orders", context.isLocal ? "Place one in the panel “Local stack”, or send POST /orders." : "New orders appear here by themselves."));
    } else state.replaceChildren();
    const page = cursors.length;
    setText(range, orders.length === 0 ? "" : `${(page - 1) * PAGE + 1}–${(page - 1) * PAGE + orders.length}`);
    previous.disabled = page === 1;
    next.disabled = !nextCursor;
  };

  const poller = poll(async (signal) => {
    const path = pathOf(status.value, attention.value, ages.value, cursors[cursors.length - 1]);
    try {
      const isFirstPage = !status.value && !attention.value && !ages.value && cursors.length === 1;
      const needed = isFirstPage ? await readUrgent(context, signal) : [];
      const { body: answer, changed } = await context.api.read(path, { signal });
      const key = `${path} ${needed.map((order) => order.orderId + order.updatedAt).join()}`;
      if (!changed && loaded === key) return tick();
      loaded = key;
      const ids = new Set(needed.map((order) => order.orderId));
      orders = [...needed, ...(answer.orders ?? []).filter((/** @type {any} */ order) => !ids.has(order.orderId))];
      nextCursor = answer.nextCursor ?? "";
      paint();
      context.fresh();
    } catch (error) {
      if (!signal.aborted && !loaded.startsWith(`${path} `)) {
        table.hidden = true;
        state.replaceChildren(empty("The orders could not be read", error instanceof Error ? error.message : ""));
      }
      throw error;
    }
  });
  const tick = () => rows.update(orders.filter((order) => order.orderId && !table.hidden && matches(order)));
  const matches = (/** @type {any} */ order) => `${order.orderId} ${order.customerId ?? ""}`.toLowerCase().includes(search.value.trim().toLowerCase());
  const reset = () => {
    cursors = [undefined];
    const query = new URLSearchParams();
    for (const [name, value] of [["status", status.value], ["attention", attention.value], ["age", ages.value]]) if (value) query.set(name ?? "", value ?? "");
    history.replaceState(null, "", `#/board${query.size ? `?${query}` : ""}`);
    poller.now();
  };
  for (const field of [status, attention, ages]) field.addEventListener("change", reset);
  search.addEventListener("input", paint);
  search.addEventListener("keydown", (event) => {
    const id = search.value.trim().toLowerCase();
    if (event.key === "Enter" && /^ord_[0-9a-f]{32}$/.test(id)) location.hash = `#/orders/${id}`;
  });
  next.addEventListener("click", () => {
    cursors.push(nextCursor);
    poller.now();
  });
  previous.addEventListener("click", () => {
    cursors.pop();
    poller.now();
  });
  return {
    element,
    stop: () => poller.stop(),
    /** @param {string} code */
    select(code) {
      status.value = status.value === code ? "" : code;
      attention.value = "";
      reset();
      element.scrollIntoView({ block: "nearest", behavior: "smooth" });
    },
  };
}

/**
 * The orders that need a person, for the top of the first page: stuck ones, then reviews.
 *
 * @param {import("../app.js").Context} context
 * @param {AbortSignal} signal
 * @returns {Promise<any[]>}
 */
async function readUrgent(context, signal) {
  const board = await context.board();
  const rows = [];
  for (const kind of ["OPERATOR", "REVIEW"]) {
    const isNeeded = board?.attention?.some((/** @type {any} */ entry) => entry.kind === kind && entry.orders > 0);
    if (isNeeded) rows.push(...(await context.api.read(`/orders?attention=${kind}&limit=${URGENT}`, { signal })).body.orders);
  }
  return rows;
}

/**
 * @param {string} status
 * @param {string} attention
 * @param {string} seconds
 * @param {string | undefined} cursor
 */
function pathOf(status, attention, seconds, cursor) {
  const query = new URLSearchParams({ limit: String(PAGE) });
  if (attention) query.set("attention", attention);
  else if (status) query.set("status", status);
  else query.set("open", "true");
  if (attention && status) query.set("status", status);
  // Whole minutes, so that the same question has the same address for a while.
  if (seconds) query.set("createdBefore", new Date(Math.floor((now() - Number(seconds) * 1000) / 60_000) * 60_000).toISOString());
  if (cursor) query.set("cursor", cursor);
  return `/orders?${query}`;
}

/**
 * @param {string} label
 * @param {string[][]} options
 * @param {string} value
 */
function select(label, options, value) {
  const element = h("select", { class: "select", "aria-label": label }, options.map(([code, text]) => h("option", { value: code ?? "" }, text ?? "")));
  element.value = value;
  return element;
}

/** @param {any} first */
function orderRow(first) {
  const href = `#/orders/${first.orderId}`;
  const badge = h("span", { class: "badge" });
  const waits = h("span", { class: "soft" });
  const customer = data("", "clip");
  const total = h("span");
  const created = h("time", { class: "soft nowrap" });
  const element = h("tr", {},
    h("td", {}, h("a", { href, class: "mono nowrap", title: first.orderId, text: shortId(first.orderId) })),
    h("td", {}, badge), h("td", { class: "customer clip" }, customer), h("td", { class: "number" }, total),
    h("td", {}, waits), h("td", { class: "number" }, created));
  element.addEventListener("click", (event) => {
    if (event.target instanceof Element && event.target.closest("a")) return;
    if (String(getSelection())) return;
    location.hash = href;
  });
  return {
    element,
    /** @param {any} order */
    update(order) {
      paintStatus(badge, order.status);
      setAttributes(element, { "data-urgent": order.attention === "OPERATOR" ? "danger" : order.attention === "REVIEW" ? "warn" : null });
      setText(customer, order.customerId ?? "");
      setText(total, money(order.total));
      setText(waits, waitsFor(order));
      setText(created, age(order.createdAt));
      setAttributes(created, { datetime: order.createdAt, title: fullTime(order.createdAt) });
    },
  };
}

/** @param {any} order */
function waitsFor(order) {
  const parts = [];
  if (order.attention === "REVIEW") parts.push("a review");
  else if (order.attention === "OPERATOR") parts.push("an operator");
  else if (order.attention === "BACKORDER") parts.push(order.waitsFor ? `stock of ${order.waitsFor}` : "stock");
  else if (order.waitsFor) parts.push(order.waitsFor);
  if (order.deadline) parts.push(countdown(order.deadline));
  return parts.join(", ");
}

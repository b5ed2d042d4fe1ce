// @ts-check
// Stock: what is available and reserved, restocks, prices, and who changed what.

import { ask, show } from "../actions.js";
import { newKey } from "../api.js";
import { data, h, keyed, setText } from "../dom.js";
import { auditWords, fullTime, money, parseMoney, time } from "../format.js";
import { poll, pollNow } from "../poll.js";
import { empty, skeletonRows, skuText } from "./parts.js";

/** @param {import("../app.js").Context} context */
export function open(context) {
  const mayWrite = context.session.may("inventory/write");
  const wanted = decodeURIComponent(location.hash.split("/")[2] ?? "");
  const search = h("input", { class: "input search", type: "search", placeholder: "SKU or title", "aria-label": "Filter by SKU or title", value: wanted, autocomplete: "off" });
  const body = h("tbody");
  const head = ["Product", "Price", "Available", ...(mayWrite ? ["Taken by orders", "Received in all", ""] : [])];
  const table = h("table", { class: "table stock-table" },
    h("caption", { class: "visually-hidden", text: "Stock" }),
    h("thead", {}, h("tr", {}, head.map((text, index) => h("th", { scope: "col", class: index > 0 && index < 5 ? "number" : "" }, text || h("span", { class: "visually-hidden", text: "Actions" }))))), body);
  table.hidden = true;
  const state = h("div", {}, skeletonRows(6));
  const add = mayWrite ? h("button", { class: "button button-primary", onclick: () => editProduct(context, null) }, "New product") : null;
  const element = h("div", { class: "view" },
    h("div", { class: "summary" }, h("h1", { text: "Stock" }), h("div", { class: "figures" }, add)),
    h("section", { class: "panel", "aria-label": "Stock" }, h("div", { class: "panel-head" }, h("h2", { text: "Products" }), h("div", { class: "filters" }, search)), h("div", { class: "table-scroll" }, table), state));
  const rows = keyed(body, (/** @type {any} */ item) => item.sku, (/** @type {any} */ item) => stockRow(context, item, mayWrite));
  /** @type {any[]} */
  let items = [];
  const paint = () => {
    const text = search.value.trim().toLowerCase();
    const shown = items.filter((item) => `${item.sku} ${item.title}`.toLowerCase().includes(text));
    rows.update(shown);
    table.hidden = shown.length === 0;
    state.replaceChildren(...(shown.length > 0 ? [] : [text ? empty("No product matches", "Choose another filter.") : empty("No products yet", "Add the first one with “New product”.")]));
  };
  search.addEventListener("input", paint);
  const poller = poll(async (signal) => {
    try {
      /** @type {any[]} */
      const all = [];
      let cursor = "";
      do {
        const { body: answer } = await context.api.read(`/inventory?limit=100${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ""}`, { signal });
        all.push(...(answer.items ?? []));
        cursor = answer.nextCursor ?? "";
      } while (cursor && all.length < 1000);
      items = all.sort((a, b) => a.sku.localeCompare(b.sku));
      paint();
      context.fresh();
    } catch (error) {
      if (!signal.aborted && items.length === 0) state.replaceChildren(empty("The stock could not be read", error instanceof Error ? error.message : ""));
      throw error;
    }
  }, { slower: () => 2 });
  return { title: "Stock", element, destroy: () => poller.stop() };
}

/**
 * @param {import("../app.js").Context} context
 * @param {any} first
 * @param {boolean} mayWrite
 */
function stockRow(context, first, mayWrite) {
  let item = first;
  const title = data("", "strong");
  const price = h("td", { class: "number", "data-label": "Price" });
  const available = h("td", { class: "number strong", "data-label": "Available" });
  const reserved = h("td", { class: "number", "data-label": "Taken by orders" });
  const received = h("td", { class: "number soft", "data-label": "Received in all" });
  const element = h("tr", {}, h("td", {}, h("div", { class: "stock-name" }, title, h("span", { class: "small soft" }, skuText(first.sku)))), price, available,
    mayWrite ? [reserved, received, h("td", {}, h("div", { class: "row" },
      h("button", { class: "button button-small", onclick: () => restock(context, item) }, "Restock"),
      h("button", { class: "button button-small", onclick: () => remove(context, item) }, "Remove"),
      h("button", { class: "button button-small", onclick: () => editProduct(context, item) }, "Edit"),
      h("button", { class: "button button-small button-quiet", onclick: () => void showHistory(context, item) }, "History")))] : []);
  return {
    element,
    /** @param {any} next */
    update(next) {
      item = next;
      setText(title, next.title);
      setText(price, money(next.unitPrice));
      setText(available, next.available.toLocaleString());
      available.classList.toggle("unknown", next.available === 0);
      setText(reserved, next.reserved === undefined ? "" : next.reserved.toLocaleString());
      setText(received, next.received === undefined ? "" : next.received.toLocaleString());
    },
  };
}

/** @param {string} id @param {string} label @param {HTMLElement} input @param {string} [hint] */
function field(id, label, input, hint) {
  input.id = id;
  return h("div", { class: "field" }, h("label", { for: id, text: label }), input, hint ? h("span", { class: "hint", text: hint }) : null);
}

/** @param {import("../app.js").Context} context @param {any} item */
function restock(context, item) {
  const quantity = h("input", { class: "input", type: "number", min: "1", max: "1000000", step: "1", required: true, inputmode: "numeric" });
  // One key for the dialog: sent twice, it restocks once.
  const key = newKey();
  ask({
    title: `Restock ${item.sku}`,
    about: "Adds to what is available. Orders that wait for this product go on, oldest first, as many as the stock can serve.",
    confirm: "Restock",
    fields: [field("quantity", "Quantity received", quantity, `${item.available} available now`)],
    async act() {
      const answer = await context.api.post(`/inventory/${encodeURIComponent(item.sku)}/restock`, { quantity: Number(quantity.value) }, { "Idempotency-Key": key });
      const resumed = answer?.resumed ?? 0;
      context.toast(`${answer?.available ?? ""} available. ${resumed === 1 ? "1 order goes on." : `${resumed} orders go on.`}`);
      pollNow();
    },
  });
}

/** @param {import("../app.js").Context} context @param {any} item */
function remove(context, item) {
  const quantity = h("input", { class: "input", type: "number", min: "1", max: String(Math.max(item.available, 1)), step: "1", required: true, inputmode: "numeric" });
  const reason = h("input", { class: "input", required: true, maxlength: "500", autocomplete: "off", placeholder: "Broken in the warehouse" });
  // One key for the dialog: sent twice, it removes once.
  const key = newKey();
  ask({
    title: `Remove ${item.sku}`,
    about: "Corrects the stock downward, for what is broken, lost or miscounted. What orders have taken stays theirs.",
    confirm: "Remove",
    isDangerous: true,
    fields: [field("quantity", "Quantity", quantity, `${item.available} available now`), field("reason", "Reason", reason)],
    async act() {
      const answer = await context.api.post(`/inventory/${encodeURIComponent(item.sku)}/remove`, { quantity: Number(quantity.value), reason: reason.value.trim() }, { "Idempotency-Key": key });
      context.toast(`${answer?.available ?? ""} available.`);
      pollNow();
    },
  });
}

/** Who changed what, newest first. @param {import("../app.js").Context} context @param {any} item */
async function showHistory(context, item) {
  /** @type {any[]} */
  let entries = [];
  try {
    entries = (await context.api.get(`/inventory/${encodeURIComponent(item.sku)}`)).audit ?? [];
  } catch (error) {
    return context.toast(error instanceof Error ? error.message : String(error), "danger");
  }
  const rows = [...entries].reverse().map((entry) => h("li", { "data-tone": "step" },
    h("time", { datetime: entry.at, title: fullTime(entry.at), text: time(entry.at) }), h("span", { class: "dot" }),
    h("span", {}, data(entry.actor, "strong"), " ", data(auditWords(entry)))));
  show(`History of ${item.sku}`, rows.length > 0 ? h("ol", { class: "timeline" }, rows) : h("p", { class: "soft", text: "No change is on record since the product was added." }));
}

/** @param {import("../app.js").Context} context @param {any} item `null`: a new one */
function editProduct(context, item) {
  const currency = item?.unitPrice?.currency ?? "USD";
  const places = new Intl.NumberFormat("en", { style: "currency", currency }).resolvedOptions().maximumFractionDigits ?? 2;
  const amount = item ? String(item.unitPrice.amount).padStart(places + 1, "0") : "";
  const shown = item ? (places ? `${amount.slice(0, -places)}.${amount.slice(-places)}` : amount) : "";
  const sku = h("input", { class: "input", required: true, maxlength: "40", autocomplete: "off", spellcheck: "false", placeholder: "MUG-02" });
  const title = h("input", { class: "input", required: true, maxlength: "200", value: item?.title ?? "" });
  const price = h("input", { class: "input", required: true, inputmode: "decimal", value: shown });
  const code = h("input", { class: "input", required: true, pattern: "[A-Z]{3}", maxlength: "3", value: currency });
  const weight = h("input", { class: "input", type: "number", min: "1", step: "1", required: true, value: item?.weightGrams ?? "" });
  const available = h("input", { class: "input", type: "number", min: "0", step: "1", value: "0" });
  ask({
    title: item ? `Edit ${item.sku}` : "New product",
    about: item ? "Orders that are placed already keep the price that they were placed with." : "It can be ordered at once.",
    confirm: item ? "Save" : "Add product",
    fields: [
      ...(item ? [] : [field("sku", "SKU", sku)]), field("title", "Title", title), field("price", "Price", price), field("currency", "Currency", code), field("weight", "Weight in grams", weight),
      ...(item ? [] : [field("available", "Available from the start", available)]),
    ],
    async act() {
      const minor = parseMoney(price.value, code.value);
      if (minor === null) throw new Error("Price: enter an amount such as 12.50.");
      const body = { title: title.value, unitPrice: { amount: minor, currency: code.value }, weightGrams: Number(weight.value), ...(item ? {} : { available: Number(available.value) }) };
      await context.api.write("PUT", `/inventory/${encodeURIComponent(item?.sku ?? sku.value.trim())}`, body);
      context.toast(item ? "Saved." : "Added.");
      pollNow();
    },
  });
}

// @ts-check
// The ledger: two equations that must hold under every fault, and the figures behind them.

import { make, section, setAttribute, setText } from "./dom.js";
import { formatMoney, plural } from "./local_api.js";

/** @import { Ledger, Money, OrderLedger, Stock } from "./local_api.js" */

/**
 * @param {string | undefined} orderId
 * @returns {{ element: HTMLElement, update: (ledger: Ledger, order?: OrderLedger) => void }}
 */
export function ledgerSection(orderId) {
  const verdict = make("span", { class: "badge", role: "status" });
  const about = make("p", { class: "small soft" });
  const order = make("div", { class: "stack", hidden: true });
  const money = make("div", { class: "stack" });
  const labels = make("p", { class: "small" });
  const rows = make("tbody");
  const table = make(
    "div",
    { class: "table-scroll", tabIndex: 0, role: "region", "aria-label": "Stock by product" },
    make(
      "table",
      { class: "table" },
      make("caption", { class: "visually-hidden" }, "Stock by product: received = available + reserved"),
      make("thead", {}, make("tr", {}, ...["Product", "Received", "", "Available", "", "Reserved"].map((name, column) => column === 0 || name !== "" ? make("th", { scope: "col", class: column === 0 ? "" : "number" }, name) : make("td")))),
      rows,
    ),
  );
  /** @type {Ledger | undefined} */
  let shown;
  /** @type {OrderLedger | undefined} */
  let shownOrder;

  /**
   * @param {Ledger} ledger
   * @param {OrderLedger} [ofOrder]
   */
  const update = (ledger, ofOrder) => {
    if (ledger !== shown) {
      shown = ledger;
      const [tone, word] = ledger.balances ? ["ok", "Balanced"] : ledger.ofOneMoment ? ["danger", "Not balanced"] : ["info", "Changing"];
      setAttribute(verdict, "data-tone", tone ?? null);
      setText(verdict, word ?? "");
      setText(about, `${plural(ledger.orders, "order", "orders")}, ${ledger.open} of them open.`);
      money.replaceChildren(...ledger.money.map(equation));
      setText(labels, `${plural(ledger.labels.bought, "label", "labels")} bought, ${ledger.labels.refunded} refunded.`);
      rows.replaceChildren(...ledger.stock.map(stockRow));
    }
    if (ofOrder !== shownOrder) {
      shownOrder = ofOrder;
      order.hidden = !ofOrder;
      if (ofOrder) order.replaceChildren(...orderLedger(ofOrder));
    }
  };
  const all = orderId ? [make("h3", {}, "All orders")] : [];
  return { element: section("Ledger", [verdict], [order, ...all, about, money, labels, make("h3", {}, "Stock"), table]), update };
}

/** @param {OrderLedger} order */
function orderLedger(order) {
  const [tone, word] = order.balances ? ["ok", order.atRest ? "Balanced" : "In progress"] : ["danger", "Not balanced"];
  return [
    make("div", { class: "row-between" }, make("h3", {}, "This order"), make("span", { class: "badge", "data-tone": tone ?? "" }, word ?? "")),
    equation(order.money),
    make(
      "p",
      { class: "small" },
      `${plural(order.labels.bought, "label", "labels")} bought, ${order.labels.refunded} refunded. `,
      order.reserved.length > 0 ? `Reserved: ${order.reserved.map((line) => `${line.quantity} × ${line.sku}`).join(", ")}.` : "No stock reserved.",
    ),
    ...order.violations.map((text) => make("p", { class: "notice", "data-tone": "danger" }, text)),
  ];
}

/**
 * captured − refunded = shipped + to be given back + in progress.
 *
 * @param {Money} money
 */
function equation(money) {
  /** @param {number} minor */
  const amount = (minor) => formatMoney(minor, money.currency);
  /**
   * @param {string} sign
   * @param {string} name
   * @param {number} minor
   */
  const term = (sign, name, minor) => make("div", { class: "local-term" }, make("span", { class: "local-sign" }, sign), make("span", {}, name), make("span", { class: "local-amount" }, amount(minor)));
  const spoken = `${amount(money.captured)} captured minus ${amount(money.refunded)} refunded ${money.balances ? "equals" : "does not equal"} ${amount(money.shipped)} shipped plus ${amount(money.toGiveBack)} to be given back plus ${amount(money.inProgress)} in progress`;
  return make(
    "div",
    { class: "local-equation", "data-balances": String(money.balances) },
    make("p", { class: "visually-hidden" }, spoken),
    make(
      "div",
      { class: "local-terms", "aria-hidden": "true" },
      term("", "captured", money.captured), term("−", "refunded", money.refunded),
      term(money.balances ? "=" : "≠", "shipped", money.shipped), term("+", "to be given back", money.toGiveBack), term("+", "in progress", money.inProgress),
    ),
    make("p", { class: "small soft" }, `${amount(money.authorized)} authorized, ${amount(money.voided)} of it released without a charge.`),
  );
}

/** @param {Stock} level */
function stockRow(level) {
  return make(
    "tr",
    { "data-balances": String(level.balances) },
    make("th", { scope: "row" }, level.sku),
    make("td", { class: "number" }, String(level.received)),
    make("td", { class: "local-sign" }, level.balances ? "=" : "≠"),
    make("td", { class: "number" }, String(level.available)),
    make("td", { class: "local-sign" }, "+"),
    make("td", { class: "number" }, String(level.reserved)),
  );
}

// @ts-check
// Places orders from the sample products, test cards and addresses.

import { make, newId, section, setText } from "./dom.js";
import { formatMoney, parse } from "./local_api.js";

/** @import { Samples, Product, Identity } from "./local_api.js" */

/** How many orders one click may place. */
const MAX_COPIES = 50;
/** What the page shows of the orders that were placed. */
const MAX_RESULTS = 8;
/** How often a request that failed on the way is sent again, with the same key. */
const MAX_ATTEMPTS = 3;

/**
 * @param {Samples} samples
 * @param {{ orderLink: (orderId: string) => string, onPlaced: () => void }} options
 * @returns {HTMLElement}
 */
export function placeOrderSection(samples, options) {
  const results = make("ul", { class: "local-results", "aria-live": "polite", "aria-label": "Orders placed here" });
  const products = samples.products.map(productField);
  const card = select("Card", samples.cards.map((card) => [card.paymentMethod, `${card.title} ·· ${card.last4}`]));
  const customers = samples.identities.filter((identity) => identity.scopes.includes("orders/write"));
  const customer = select("Customer", customers.map((who) => [who.sub, who.title]));
  const address = select("Ship to", samples.addresses.map((entry, index) => [String(index), entry.title]));
  const service = select("Shipping", [["standard", "Standard"], ["express", "Express"]]);
  const stock = select("When out of stock", [["reject", "End the order"], ["wait", "Wait for a restock"]]);
  const schedule = select("Start", [["", "Now"], ["1", "In one hour"], ["72", "In three days"]]);
  const copies = numberField("Number of orders", 1, 1, MAX_COPIES);
  const total = make("output", { class: "strong" });
  const place = make("button", { class: "button button-primary", type: "submit" }, "Place order");

  const chosen = () => products.filter((product) => product.quantity() > 0);
  const showTotal = () => {
    const first = chosen()[0];
    const sum = chosen().reduce((sum, line) => sum + line.quantity() * line.product.unitPrice.amount, 0);
    setText(total, first ? formatMoney(sum, first.product.unitPrice.currency) : "Choose a product");
    place.disabled = !first;
  };

  const body = () => {
    const entry = samples.addresses[Number(address.input.value)];
    /** @type {Record<string, any>} */
    const order = {
      customer: entry?.customer,
      shippingAddress: entry?.shippingAddress,
      items: chosen().map((line) => ({ sku: line.product.sku, quantity: line.quantity() })),
      paymentMethod: card.input.value,
      shippingService: service.input.value,
      whenOutOfStock: stock.input.value,
    };
    return order;
  };

  /** @param {Record<string, any>} order */
  const placeAll = async (order) => {
    const who = customers.find((identity) => identity.sub === customer.input.value);
    if (!who) return;
    place.setAttribute("aria-busy", "true");
    place.disabled = true;
    try {
      if (schedule.input.value) {
        // On the stack's clock, which may be far ahead of the browser's.
        const status = await parse(await fetch("/_local/status"));
        const at = Date.parse(status.clock.now) + Number(schedule.input.value) * 3_600_000;
        order = { ...order, scheduledFor: new Date(at).toISOString(), paymentCustomer: who.sub === "customer-2" ? "cus_bob" : "cus_ada" };
      }
      for (let copy = 0; copy < copies.value(); copy += 1) {
        show(results, await placeOne(order, who), options.orderLink);
      }
      options.onPlaced();
    } catch (error) {
      showText(results, `Not placed: ${error instanceof Error ? error.message : String(error)}`, "danger");
    } finally {
      place.removeAttribute("aria-busy");
      showTotal();
    }
  };

  const sample = select("Sample order", samples.orders.map((order, index) => [String(index), order.title]));
  const placeSample = make("button", {
    class: "button",
    type: "button",
    onclick: () => {
      const chosenSample = samples.orders[Number(sample.input.value)];
      // The date of a sample may have passed on the stack's clock.
      const { scheduledFor, ...order } = chosenSample?.body ?? {};
      if (scheduledFor && !schedule.input.value) schedule.input.value = "72";
      placeAll(order);
    },
  }, "Place sample");

  const form = make(
    "form",
    {
      class: "stack",
      onsubmit: (/** @type {Event} */ event) => {
        event.preventDefault();
        placeAll(body());
      },
    },
    make("fieldset", { class: "local-products" }, make("legend", { class: "visually-hidden" }, "Products"), ...products.map((line) => line.element)),
    make("div", { class: "local-fields" }, card.element, customer.element),
    make(
      "details",
      { class: "local-details" },
      make("summary", {}, "More options"),
      make("div", { class: "local-fields" }, address.element, service.element, stock.element, schedule.element, copies.element),
    ),
    make("div", { class: "row-between" }, make("span", {}, "Total ", total), place),
  );
  form.addEventListener("input", showTotal);
  form.addEventListener("click", () => queueMicrotask(showTotal));
  // An order that needs no review: the cheapest product that is in stock.
  const inStock = products.filter((line) => line.product.available > 0);
  inStock.sort((a, b) => a.product.unitPrice.amount - b.product.unitPrice.amount)[0]?.set(1);
  showTotal();
  return section("Place an order", [], [
    form,
    make("div", { class: "local-sample" }, sample.element, placeSample),
    results,
  ]);
}

/**
 * Sends one order. An answer that was lost is asked for again with the same key, as a real
 * client does: the same key is the same order.
 *
 * @param {object} order
 * @param {Identity} who
 * @returns {Promise<{ orderId: string, status: string }>}
 */
async function placeOne(order, who) {
  const headers = {
    authorization: `Bearer ${who.token}`,
    "content-type": "application/json",
    "idempotency-key": crypto.randomUUID(),
  };
  for (let attempt = 1; ; attempt += 1) {
    const response = await fetch("/orders", { method: "POST", headers, body: JSON.stringify(order) });
    if (response.status < 500 || attempt === MAX_ATTEMPTS) return parse(response);
  }
}

/**
 * @param {HTMLElement} list
 * @param {{ orderId: string, status: string }} placed
 * @param {(orderId: string) => string} orderLink
 */
function show(list, placed, orderLink) {
  const link = make("a", { href: orderLink(placed.orderId), class: "mono" }, placed.orderId);
  prepend(list, make("li", { class: "row" }, make("span", { class: "badge", "data-tone": "info" }, "Placed"), link));
}

/**
 * @param {HTMLElement} list
 * @param {string} text
 * @param {string} tone
 */
function showText(list, text, tone) {
  prepend(list, make("li", { class: "notice", "data-tone": tone }, make("p", {}, text)));
}

/**
 * @param {HTMLElement} list
 * @param {HTMLElement} item
 */
function prepend(list, item) {
  list.prepend(item);
  while (list.children.length > MAX_RESULTS) list.lastElementChild?.remove();
}

/** @param {Product} product */
function productField(product) {
  const id = newId("product");
  const input = make("input", { id, class: "input local-quantity", type: "number", min: "0", max: "999", value: "0", inputMode: "numeric" });
  const quantity = () => Math.max(0, Math.min(999, Math.trunc(Number(input.value)) || 0));
  /** @param {number} count */
  const set = (count) => {
    input.value = String(Math.max(0, count));
  };
  const add = make("button", {
    class: "button button-small button-icon",
    type: "button",
    "aria-label": `One more: ${product.title}`,
    onclick: () => set(quantity() + 1),
  }, "+");
  const element = make(
    "div",
    { class: "local-product" },
    make("label", { for: id, class: "grow" }, make("span", {}, product.title), make("span", { class: "soft small" }, formatMoney(product.unitPrice.amount, product.unitPrice.currency))),
    input,
    add,
  );
  return { element, product, quantity, set };
}

/**
 * @param {string} label
 * @param {string[][]} choices
 */
function select(label, choices) {
  const id = newId("choice");
  const input = make("select", { id, class: "select" }, ...choices.map(([value, text]) => make("option", { value }, text ?? "")));
  return { element: make("div", { class: "field" }, make("label", { for: id }, label), input), input };
}

/**
 * @param {string} label
 * @param {number} initial
 * @param {number} min
 * @param {number} max
 */
function numberField(label, initial, min, max) {
  const id = newId("number");
  const input = make("input", { id, class: "input", type: "number", min: String(min), max: String(max), value: String(initial) });
  const value = () => Math.max(min, Math.min(max, Math.trunc(Number(input.value)) || min));
  return { element: make("div", { class: "field" }, make("label", { for: id }, label), input), value };
}

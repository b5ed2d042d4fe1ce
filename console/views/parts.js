// @ts-check
// Parts that several views show.

import { data, h, setText } from "../dom.js";
import { age, ATTENTIONS, codeWords, fullTime, STATUSES } from "../format.js";

/** @param {string} status */
export function statusBadge(status) {
  const badge = h("span", { class: "badge" });
  paintStatus(badge, status);
  return badge;
}

/** @param {HTMLElement} badge @param {string} status */
export function paintStatus(badge, status) {
  const known = STATUSES[status];
  badge.dataset["tone"] = known?.tone ?? "";
  setText(badge, known?.text ?? codeWords(status));
}

/** @param {string} kind */
export function attentionBadge(kind) {
  const known = ATTENTIONS[kind];
  return h("span", { class: "badge badge-plain", "data-tone": known?.tone ?? "warn", text: known?.text ?? codeWords(kind) });
}

/** @param {string} at */
export function ageText(at) {
  const element = h("time", { class: "nowrap soft", datetime: at, title: fullTime(at) });
  setText(element, age(at));
  return element;
}

/** @param {string} sku */
export function skuText(sku) {
  return data(sku, "mono");
}

/**
 * What to show while there is nothing to show.
 *
 * @param {string} title
 * @param {string} about
 * @param {...Node} more
 */
export function empty(title, about, ...more) {
  return h("div", { class: "empty" }, h("strong", { text: title }), h("p", { text: about }), more);
}

/** @param {number} rows */
export function skeletonRows(rows) {
  return h("div", { class: "panel-body", "aria-hidden": "true" }, Array.from({ length: rows }, () => h("div", { class: "skeleton" })));
}

/** Other words for what the picture shows than the names of the state machine. */
export const STATE_TITLES = { End: "Fulfilled" };

/** What each compensating state of the order workflow undoes. */
export const UNDOES = {
  CancelShipment: ["InitiateShipping"],
  ReleaseInventory: ["CheckInventory"],
  CancelPayment: ["ProcessPayment", "CapturePayment"],
};

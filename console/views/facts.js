// @ts-check
// What the record knows, and does not know, of an order's money, label and stock.

import { h } from "../dom.js";
import { codeWords } from "../format.js";

/** @type {Record<string, Record<string, string>>} */
const WORDS = {
  money: {
    NONE: "Nothing authorized", AUTHORIZED: "Authorized; the card issuer holds it", CAPTURED: "Captured; the shop has it", VOIDED: "Voided; the hold is released",
    REFUNDED: "Refunded, or on its way back", REFUND_FAILED: "The refund failed",
  },
  label: { NONE: "None bought", BOUGHT: "Bought", REFUND_SUBMITTED: "Refund submitted", REFUND_REFUSED: "The refund was refused", KEPT: "Kept, not refunded" },
  stock: { NONE: "Nothing reserved", RESERVED: "Every line reserved", RELEASED: "Released" },
};

/**
 * @param {Record<string, {state: string, known: boolean}>} facts
 * @param {HTMLElement} [list] what they are added to
 */
export function factsTable(facts, list = h("dl", { class: "facts" })) {
  for (const [name, title] of [["money", "Money"], ["label", "Label"], ["stock", "Stock"]]) {
    const fact = facts[name ?? ""];
    if (!fact) continue;
    const words = WORDS[name ?? ""]?.[fact.state] ?? codeWords(fact.state);
    list.append(h("dt", { text: title }), h("dd", {},
      fact.known ? words : h("span", {}, h("span", { class: "unknown", text: "Not known. " }), `Last recorded: ${words.charAt(0).toLowerCase()}${words.slice(1)}`)));
  }
  return list;
}

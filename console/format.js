// @ts-check
// How amounts, times and codes are written for people.

import { now } from "./clock.js";

/** @typedef {{amount: number, currency: string}} Money */

/** @type {Map<string, Intl.NumberFormat>} */
const currencies = new Map();

/**
 * Minor units as an amount: 1250 USD is "$12.50". The division is done on digits.
 *
 * @param {Money | undefined | null} value
 */
export function money(value) {
  if (!value) return "";
  let format = currencies.get(value.currency);
  if (!format) {
    try {
      format = new Intl.NumberFormat(undefined, { style: "currency", currency: value.currency });
    } catch {
      return `${value.amount} ${value.currency}`;
    }
    currencies.set(value.currency, format);
  }
  const places = format.resolvedOptions().maximumFractionDigits ?? 2;
  const digits = String(Math.abs(value.amount)).padStart(places + 1, "0");
  const whole = digits.slice(0, digits.length - places);
  const sign = value.amount < 0 ? "-" : "";
  const decimal = `${sign}${whole}${places > 0 ? `.${digits.slice(-places)}` : ""}`;
  return format.format(/** @type {any} */ (decimal));
}

/**
 * An amount as a person types it, in minor units; `null` if it is none.
 *
 * @param {string} text
 * @param {string} currency
 */
export function parseMoney(text, currency) {
  const places = new Intl.NumberFormat(undefined, { style: "currency", currency }).resolvedOptions().maximumFractionDigits ?? 2;
  const match = /^\s*(\d{1,9})(?:[.,](\d+))?\s*$/.exec(text);
  if (!match || (match[2] ?? "").length > places) return null;
  return Number(`${match[1]}${(match[2] ?? "").padEnd(places, "0")}`);
}

const timeOfDay = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const dayAndTime = new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit" });
const full = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "long" });

/** @param {string} at */
export function time(at) {
  const date = new Date(at);
  if (Number.isNaN(date.getTime())) return at;
  return new Date(now()).toDateString() === date.toDateString() ? timeOfDay.format(date) : dayAndTime.format(date);
}

/** @param {string} at */
export function fullTime(at) {
  const date = new Date(at);
  return Number.isNaN(date.getTime()) ? at : full.format(date);
}

/**
 * "5 min", "2 h 10 min", "3 d 4 h".
 *
 * @param {number} milliseconds
 */
export function duration(milliseconds) {
  if (milliseconds >= 0 && milliseconds < 1000) return `${Math.round(milliseconds)} ms`;
  const seconds = Math.max(0, Math.round(milliseconds / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return minutes % 60 ? `${hours} h ${minutes % 60} min` : `${hours} h`;
  return hours % 24 ? `${Math.floor(hours / 24)} d ${hours % 24} h` : `${Math.floor(hours / 24)} d`;
}

/** @param {string} at */
export function age(at) {
  return duration(Math.max(1000, now() - Date.parse(at)));
}

/**
 * What is left until a deadline, or that it has passed.
 *
 * @param {string} at
 */
export function countdown(at) {
  const left = Date.parse(at) - now();
  return left > 0 ? `${duration(left)} left` : "deadline passed";
}

/**
 * An order's id, short enough for a row: the beginning, which tells orders apart.
 *
 * @param {string} id
 */
export function shortId(id) {
  return id.length > 18 ? `${id.slice(0, 14)}…` : id;
}

/** @type {Record<string, {text: string, tone: string}>} */
export const STATUSES = {
  RECEIVED: { text: "Received", tone: "info" },
  SCHEDULED: { text: "Scheduled", tone: "info" },
  AUTHENTICATION_REQUIRED: { text: "Customer must authenticate", tone: "warn" },
  AUTHORIZED: { text: "Authorized", tone: "info" },
  IN_REVIEW: { text: "In review", tone: "warn" },
  BACKORDERED: { text: "Back-ordered", tone: "warn" },
  RESERVED: { text: "Reserved", tone: "info" },
  SHIPPING: { text: "Shipping", tone: "info" },
  NEEDS_ATTENTION: { text: "Needs attention", tone: "danger" },
  FULFILLED: { text: "Fulfilled", tone: "ok" },
  PAYMENT_FAILED: { text: "Payment failed", tone: "danger" },
  OUT_OF_STOCK: { text: "Out of stock", tone: "undo" },
  INVENTORY_FAILED: { text: "Inventory failed", tone: "danger" },
  SHIPPING_FAILED: { text: "Shipping failed", tone: "danger" },
  REJECTED: { text: "Rejected", tone: "undo" },
  CANCELLED: { text: "Canceled", tone: "undo" },
};

/** @param {string} status */
export function isClosed(status) {
  return ["FULFILLED", "PAYMENT_FAILED", "OUT_OF_STOCK", "INVENTORY_FAILED", "SHIPPING_FAILED", "REJECTED", "CANCELLED"].includes(status);
}

/** @type {Record<string, {text: string, tone: string}>} */
export const ATTENTIONS = {
  REVIEW: { text: "Review", tone: "warn" },
  BACKORDER: { text: "Back-order", tone: "warn" },
  OPERATOR: { text: "Operator", tone: "danger" },
};

/** @type {Record<string, string>} */
export const REVIEW_REASONS = {
  TOTAL_ABOVE_THRESHOLD: "The total is at or above the review threshold",
  ELEVATED_RISK: "The payment provider reports an elevated risk",
  PROVIDER_REVIEW: "The payment provider wants the charge reviewed",
  MANUAL_REVIEW: "The payment provider asks for a manual review",
};

/** @type {Record<string, string>} */
export const PAYMENT_STATUSES = {
  NONE: "Nothing authorized",
  AUTHORIZED: "Authorized: the card issuer holds the money",
  CAPTURED: "Captured",
  VOIDED: "Voided: the hold is released",
  REFUNDED: "Refunded",
  REFUND_FAILED: "The refund failed",
};

/**
 * A code as words: `TOTAL_ABOVE_THRESHOLD` is "Total above threshold".
 *
 * @param {string} code
 */
export function codeWords(code) {
  const text = code.replace(/_/g, " ").toLowerCase();
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** @type {Record<string, [string, string]>} Title and tone of a status in the timeline. */
export const STATUS_EVENTS = {
  RECEIVED: ["Order received", "info"],
  SCHEDULED: ["Order received, to start on its date", "info"],
  AUTHENTICATION_REQUIRED: ["Waiting for the customer to authenticate the card", "warn"],
  AUTHORIZED: ["Payment authorized: the card issuer holds the money", "ok"],
  IN_REVIEW: ["Waiting for a review", "warn"],
  BACKORDERED: ["Waiting for stock", "warn"],
  RESERVED: ["Every line reserved in stock", "ok"],
  SHIPPING: ["Buying the shipping label; too late to cancel", "info"],
  NEEDS_ATTENTION: ["Stuck: an operator must decide", "danger"],
  FULFILLED: ["Payment captured, order fulfilled", "ok"],
  PAYMENT_FAILED: ["Closed: the payment failed", "danger"],
  OUT_OF_STOCK: ["Closed: not everything is in stock", "undo"],
  INVENTORY_FAILED: ["Closed: the stock could not be reserved", "danger"],
  SHIPPING_FAILED: ["Closed: the order could not be shipped", "danger"],
  REJECTED: ["Closed: the order was not approved", "undo"],
  CANCELLED: ["Closed: the order was canceled", "undo"],
};

/** @type {Record<string, [string, string]>} */
export const CODE_EVENTS = {
  COMPENSATION_BEGUN: ["Compensation began: what was taken is given back", "undo"],
  REVIEW_EXPIRED: ["The review expired without a decision; compensation began", "undo"],
  CANCELLATION_REQUESTED: ["The customer asked to cancel", "undo"],
  LABEL_REFUND_REFUSED: ["The shipping provider rejected the refund of the label", "danger"],
  LABEL_REFUND_RESUBMITTED: ["The rejected refund of the label was submitted again", "info"],
  DELIVERY_FAILED: ["The parcel comes back or cannot be delivered", "danger"],
  REFUND_FAILED: ["The payment provider could not refund the payment", "danger"],
  PAYMENT_UNSETTLED: ["The payment could not be brought to its final state", "danger"],
  PAYMENT_AMOUNT_DIFFERS: ["The payment provider holds another amount than the total", "danger"],
  LABEL_UNSETTLED: ["The shipping provider does not say what became of the label", "danger"],
  PAYMENT_REFUNDED: ["Money was refunded at the payment provider", "info"],
  MONEY_KEPT: ["The shop keeps the captured money", "danger"],
  LABEL_KEPT: ["The label is not refunded", "danger"],
  SETTLEMENT_DIFFERS: ["A provider shows something else than what was recorded by hand", "danger"],
  ACKNOWLEDGED: ["An operator acknowledged what was raised", "info"],
  AUTHORIZATION_EXPIRING: ["The authorization expires within a day", "warn"],
  TAKEN_OVER: ["The execution ended early; another one continues", "warn"],
  GIVEN_UP: ["The executions kept ending early: an operator must decide", "danger"],
  DISPUTED: ["The customer disputes the charge", "danger"],
  BOOKS_DIFFER: ["The order and another ledger disagree", "danger"],
};

/** @type {Record<string, string>} What is wrong with the account at a provider, and what helps before a retry. */
export const ACCOUNT_PROBLEMS = {
  KEY_MISSING: "No API key of the provider is stored: store it, then retry",
  KEY_REJECTED: "The provider rejects the API key: store the new one, then retry",
  WALLET_EMPTY: "The wallet at the provider is empty: fill it, then retry",
  ACCESS_DENIED: "The API key may not make this call: extend its rights, then retry",
  WRONG_MODE: "The API key is of the other mode, test or live: store the right one, then retry",
  REQUEST_REJECTED: "The provider rejects a request that a working account may make: check the account, then retry",
};

/** @type {Record<string, string>} What each error of a step means. */
export const ERRORS = {
  PaymentDeclined: "the card was declined",
  PaymentNotCapturable: "the payment can no longer be captured",
  PaymentGatewayUnavailable: "the payment provider does not answer",
  PaymentOutcomeUnknown: "the payment provider did not say what happened",
  PaymentThrottled: "the payment provider asks us to slow down",
  PaymentMisconfigured: "the payment provider does not accept our key or account",
  CarrierUnavailable: "the shipping provider does not answer",
  ShipmentOutcomeUnknown: "the shipping provider did not say what happened",
  CarrierThrottled: "the shipping provider asks us to slow down",
  CarrierMisconfigured: "the shipping provider does not accept our key, or the wallet is empty",
  ShippingRejected: "the shipping provider cannot ship this",
  StockContended: "other orders wrote the same stock",
  StoreUnavailable: "the database does not answer",
  ReviewRejected: "the review rejected the order",
  OrderCancelled: "the order was canceled",
  RestockOverdue: "no stock came in time",
  CompensationBegun: "compensation has begun",
  RefundNotPermitted: "the payment is captured, and no refund was permitted",
  CompensationIncomplete: "an earlier step is not undone yet",
  InvalidRequest: "the order was not in the state that the step needs",
  OrderNotFound: "the order does not exist",
  Superseded: "another execution owns the order",
  "Sandbox.Timedout": "the function ran out of time",
  "Lambda.Timeout": "the function ran out of time",
  "States.Timeout": "the time ran out",
  "Lambda.Unknown": "the function was killed",
  "Runtime.ExitError": "the function was killed",
  "Lambda.TooManyRequestsException": "Lambda was throttled",
};

/** @type {Record<string, string>} What a person did, after their name. */
export const AUDIT_ACTIONS = {
  cancel: "canceled the order",
  "review:approve": "approved the order",
  "review:reject": "rejected the order",
  "resume:capture": "let the workflow capture again",
  "resume:retry": "let the workflow try again",
  "resume:compensate": "let the workflow undo the order",
  "resume:compensate-with-refund": "let the workflow undo the order, with a refund",
  "resume:settle": "recorded by hand what a provider did not say",
  "resume:acknowledge": "acknowledged what was raised",
  "product:create": "added the product",
  "product:change": "changed the product",
  "product:restock": "restocked",
  "product:remove": "removed stock",
};

/**
 * An entry of an audit history in plain words, without the actor.
 *
 * @param {{action: string, detail?: string, note?: string}} entry
 */
export function auditWords(entry) {
  const detail = entry.detail ? ` (${entry.detail})` : "";
  return `${AUDIT_ACTIONS[entry.action] ?? codeWords(entry.action.replace(/[:-]/g, " ")).toLowerCase()}${detail}${entry.note ? `: “${entry.note}”` : ""}`;
}

/**
 * An error in plain words, with its name.
 *
 * @param {string} name
 */
export function errorWords(name) {
  const known = ERRORS[name];
  return known ? `${known} (${name})` : name;
}

/**
 * Why an order was raised, in plain words.
 *
 * @param {string} status
 * @param {string} cause
 */
export function causeWords(status, cause) {
  return ACCOUNT_PROBLEMS[cause] ?? timelineWords({ status, detail: cause }).text;
}

/**
 * An entry of the timeline in plain words.
 *
 * @param {{status: string, detail?: string}} entry
 * @returns {{text: string, tone: string}}
 */
export function timelineWords(entry) {
  const detail = entry.detail ?? "";
  if (/^TRACKING\b/.test(detail)) {
    return { text: `Parcel: ${codeWords(detail.replace(/^TRACKING[:\s_]*/, "")) || "update"}`, tone: "info" };
  }
  const known = CODE_EVENTS[detail] ?? (detail === "" ? STATUS_EVENTS[entry.status] : undefined);
  if (known) return { text: known[0], tone: known[1] };
  const status = STATUS_EVENTS[entry.status]?.[0] ?? codeWords(entry.status);
  return { text: detail ? `${status} (${codeWords(detail)})` : status, tone: STATUS_EVENTS[entry.status]?.[1] ?? "info" };
}

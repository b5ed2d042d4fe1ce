// @ts-check
// Calls of `/_local`, and the types of what it answers.

/** @import { Api } from "../api.js" */

/**
 * @typedef {{ amount: number, currency: string }} Amount
 * @typedef {{ now: string, speed: number, skip: boolean, maxSpeed: number }} ClockState
 * @typedef {{ sku: string, title: string, unitPrice: Amount, available: number }} Product
 * @typedef {{ paymentMethod: string, title: string, brand: string, last4: string }} Card
 * @typedef {{ title: string, customer: object, shippingAddress: object }} Address
 * @typedef {{ sub: string, title: string, about: string, scopes: string[], token: string }} Identity
 * @typedef {{ name: string, title: string, body: any }} SampleOrder
 * @typedef {{ products: Product[], cards: Card[], addresses: Address[], identities: Identity[], orders: SampleOrder[] }} Samples
 * @typedef {{ id: string, title: string, what: string, outcome: string, stage: string, scopes: string[], needsOperator: boolean, expect: { status: string } }} Fault
 * @typedef {{ fault: string, orderId: string, fired: number, failure?: string }} Planted
 * @typedef {{ catalog: Fault[], armed: string[], planted: Planted[] }} Faults
 * @typedef {{ currency: string, authorized: number, captured: number, voided: number, refunded: number, net: number, shipped: number, toGiveBack: number, inProgress: number, balances: boolean }} Money
 * @typedef {{ sku: string, received: number, available: number, reserved: number, balances: boolean }} Stock
 * @typedef {{ orders: number, open: number, balances: boolean, ofOneMoment: boolean, money: Money[], labels: { bought: number, refunded: number }, stock: Stock[] }} Ledger
 * @typedef {{ orderId: string, status: string, total: Amount, balances: boolean, atRest: boolean, money: Money, labels: { bought: number, refunded: number }, reserved: { sku: string, quantity: number }[], violations: string[] }} OrderLedger
 */

/** The paths of `/_local`, over the shell's conditional requests. */
export class LocalApi {
  /** @param {Api} api */
  constructor(api) {
    this.api = api;
  }

  /**
   * Reads a path. The same object is returned as long as nothing changed.
   *
   * @param {string} path
   * @param {AbortSignal} signal
   * @returns {Promise<any>}
   */
  get(path, signal) {
    return this.api.get(`/_local/${path}`, { signal });
  }

  /**
   * @param {"POST" | "DELETE"} method
   * @param {string} path
   * @param {object} [body]
   * @returns {Promise<any>}
   */
  send(method, path, body) {
    return this.api.write(method, `/_local/${path}`, body);
  }
}

/**
 * The body of a response; a problem becomes an error.
 *
 * @param {Response} response
 * @returns {Promise<any>}
 */
export async function parse(response) {
  const body = await response.json().catch(() => ({}));
  if (response.ok) return body;
  const fields = Array.isArray(body.errors) ? body.errors.map((/** @type {any} */ e) => e.detail ?? e.message).join(" ") : "";
  const detail = body.detail ?? body.message ?? body.title ?? `The request failed with status ${response.status}.`;
  throw new Error(fields && fields !== detail ? `${detail} ${fields}` : detail);
}

/**
 * An amount in minor units as people write it.
 *
 * @param {number} minor
 * @param {string} currency
 */
export function formatMoney(minor, currency) {
  try {
    const format = new Intl.NumberFormat(undefined, { style: "currency", currency });
    const digits = format.resolvedOptions().maximumFractionDigits ?? 2;
    return format.format(minor / 10 ** digits);
  } catch {
    return `${minor} ${currency}`;
  }
}

/**
 * @param {number} count
 * @param {string} one
 * @param {string} many
 */
export function plural(count, one, many) {
  return `${count} ${count === 1 ? one : many}`;
}

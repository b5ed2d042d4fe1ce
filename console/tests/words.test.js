// The page has words for everything that the API can say. The names come from the code of
// the product: what is added there without words here fails.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";

const source = (path) => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");
const screaming = (name) => name.replace(/(?<=[a-z])([A-Z])/g, "_$1").toUpperCase();

/** The variants of a Rust enum; a name that is given wins over the derived one. */
function variants(path, name, rename = (variant) => variant) {
  const body = new RegExp(`pub enum ${name} \\{([\\s\\S]*?)\\n\\}`).exec(source(path))?.[1] ?? "";
  const found = [...body.matchAll(/((?:\s*(?:\/\/\/.*|#\[.*\])\n)*)\s*([A-Z]\w*),/g)];
  assert.ok(found.length > 0, `${path}: no variants of ${name}`);
  return found.map(([, attributes, variant]) => /(?:serialize|rename) = "([^"]+)"/.exec(attributes ?? "")?.[1] ?? rename(variant));
}

// The modules of the page expect a browser.
Object.assign(globalThis, { addEventListener() {}, document: { addEventListener() {} } });
const format = await import("../format.js");
const { KNOWN_ACTIONS } = await import("../actions.js");

const check = (what, names, words) => {
  for (const name of names) assert.ok(words(name), `${what}: ${name} has no words`);
};

test("the page has a button for every action that the API offers, and for no other", () => {
  assert.deepEqual([...KNOWN_ACTIONS].sort(), variants("shared/domain/src/order/actions.rs", "Action").sort());
});

test("every action of the audit history is said in words", () => {
  check("audit", variants("shared/domain/src/audit.rs", "AuditAction"), (name) => format.AUDIT_ACTIONS[name]);
});

test("every status has a name and a sentence in the timeline", () => {
  const names = variants("shared/domain/src/status.rs", "Status", screaming);
  check("statuses", names, (name) => format.STATUSES[name] && format.STATUS_EVENTS[name]);
});

test("every code of the timeline is a sentence", () => {
  const names = variants("shared/domain/src/order/timeline.rs", "TimelineCode", screaming);
  check("codes", names.filter((name) => name !== "TRACKING"), (name) => format.CODE_EVENTS[name]);
  assert.equal(format.timelineWords({ status: "FULFILLED", detail: "TRACKING in_transit" }).text, "Parcel: In transit");
});

test("every error of a step is said in words", () => {
  check("errors", variants("shared/domain/src/error.rs", "ErrorName"), (name) => format.ERRORS[name]);
});

test("every reason for a review and every attention is said in words", () => {
  check("reasons", variants("shared/domain/src/policy.rs", "ReviewReason", screaming), (name) => format.REVIEW_REASONS[name]);
  check("attentions", variants("shared/domain/src/attention.rs", "Attention", screaming), (name) => format.ATTENTIONS[name]);
  check("account problems", variants("shared/domain/src/account.rs", "AccountProblem", screaming), (name) => format.ACCOUNT_PROBLEMS[name]);
  check("payments", variants("shared/domain/src/payment.rs", "PaymentStatus", screaming), (name) => format.PAYMENT_STATUSES[name]);
});

test("amounts are written to the minor unit, and read back the same", () => {
  assert.match(format.money({ amount: 1250, currency: "USD" }), /12[.,]50/);
  assert.match(format.money({ amount: 5, currency: "USD" }), /0[.,]05/);
  assert.match(format.money({ amount: 1250, currency: "JPY" }), /1[.,]?250/);
  assert.match(format.money({ amount: 9007199254740991, currency: "USD" }), /90.?071.?992.?547.?409[.,]91/);
  assert.equal(format.parseMoney("12.50", "USD"), 1250);
  assert.equal(format.parseMoney("12.5", "USD"), 1250);
  assert.equal(format.parseMoney("0.29", "USD"), 29);
  assert.equal(format.parseMoney("12.505", "USD"), null);
  assert.equal(format.parseMoney("1250", "JPY"), 1250);
  assert.equal(format.parseMoney("-1", "USD"), null);
});

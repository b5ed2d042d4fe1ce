// @ts-check
// The list of faults: plant one for the next order or for this one, and see whether it fired.

import { make, section, setAttribute, setText } from "./dom.js";
import { plural } from "./local_api.js";

/** @import { Fault, Faults, LocalApi } from "./local_api.js" */

/** The headings, in the order of an order's life. */
const STAGES = [
  ["placement", "While the order is placed"],
  ["authorization", "Payment"],
  ["reservation", "Stock"],
  ["shipping", "Shipping"],
  ["capture", "Capture and afterwards"],
];

/** How many planted faults are listed; the newest come first. */
const MAX_PLANTED = 12;

/**
 * @param {LocalApi} api
 * @param {Faults} first
 * @param {{ orderId?: string, orderLink: (orderId: string) => string, onError: (error: unknown) => void }} options
 * @returns {{ element: HTMLElement, update: (faults: Faults) => void }}
 */
export function breakItSection(api, first, options) {
  /** @param {() => Promise<Faults>} request */
  const run = async (request) => {
    try {
      update(await request());
    } catch (error) {
      options.onError(error);
    }
  };
  /** @param {string} fault */
  const arm = (fault) => run(() => api.send("POST", "faults", { fault }));
  /** @param {string} fault */
  const plantHere = (fault) => run(() => api.send("POST", "faults", { fault, orderId: options.orderId }));
  const clear = make("button", { class: "button button-small", type: "button", onclick: () => run(() => api.send("DELETE", "faults")) }, "Remove all faults");

  const rows = new Map(first.catalog.map((fault) => [fault.id, faultRow(fault, arm, options.orderId ? plantHere : undefined)]));
  const groups = STAGES.map(([stage, title]) => {
    const members = first.catalog.filter((fault) => fault.stage === stage);
    const items = members.map((fault) => rows.get(fault.id)?.element).filter((item) => item !== undefined);
    return members.length === 0 ? [] : [make("h3", {}, title ?? ""), make("ul", { class: "local-faults" }, ...items)];
  });
  const summary = make("p", { class: "small soft", "aria-live": "polite" });
  const planted = make("ul", { class: "local-results", "aria-label": "Planted faults" });
  /** @type {Faults | undefined} */
  let shown;

  /** @param {Faults} faults */
  function update(faults) {
    if (faults === shown) return;
    shown = faults;
    for (const [id, row] of rows) row.update(faults.armed.includes(id), faults.planted.filter((entry) => entry.fault === id));
    const fired = faults.planted.filter((entry) => entry.fired > 0).length;
    setText(summary, `${plural(faults.armed.length, "fault waits", "faults wait")} for the next order. ${plural(faults.planted.length, "fault is", "faults are")} planted, ${fired} fired.`);
    clear.disabled = faults.armed.length === 0 && faults.planted.length === 0;
    const titles = new Map(faults.catalog.map((fault) => [fault.id, fault.title]));
    planted.replaceChildren(
      ...faults.planted.slice(-MAX_PLANTED).reverse().map((entry) => {
        const [tone, word] = entry.failure ? ["danger", "Failed"] : entry.fired > 0 ? ["warn", `Fired ${entry.fired}×`] : ["info", "Waiting"];
        return make(
          "li",
          { class: "local-planted" },
          make("span", { class: "badge", "data-tone": tone ?? "info" }, word ?? ""),
          make("span", { class: "grow" }, titles.get(entry.fault) ?? entry.fault),
          make("a", { href: options.orderLink(entry.orderId), class: "mono small clip" }, entry.orderId),
          ...(entry.failure ? [make("span", { class: "small" }, entry.failure)] : []),
        );
      }),
    );
  }

  update(first);
  return { element: section("Break it", [clear], [summary, planted, ...groups.flat()]), update };
}

/**
 * @param {Fault} fault
 * @param {(fault: string) => void} arm
 * @param {((fault: string) => void) | undefined} plantHere
 */
function faultRow(fault, arm, plantHere) {
  const state = make("span", { class: "badge", hidden: true });
  const next = make("button", {
    class: "button button-small",
    type: "button",
    "aria-label": `For the next order: ${fault.title}`,
    onclick: () => arm(fault.id),
  }, "Next order");
  const here = plantHere && fault.scopes.includes("this-order")
    ? [make("button", { class: "button button-small", type: "button", "aria-label": `For this order: ${fault.title}`, onclick: () => plantHere(fault.id) }, "This order")]
    : [];
  const element = make(
    "li",
    { class: "local-fault" },
    make(
      "details",
      { class: "grow" },
      make("summary", {}, fault.title, " ", state),
      make("dl", { class: "facts small" },
        make("dt", {}, "What it does"), make("dd", {}, fault.what),
        make("dt", {}, "What should happen"), make("dd", {}, fault.outcome),
        make("dt", {}, "Expected end"), make("dd", {}, make("code", {}, fault.expect.status))),
    ),
    make("div", { class: "row" }, ...here, next),
  );
  /**
   * @param {boolean} armed
   * @param {{ fired: number }[]} planted
   */
  const update = (armed, planted) => {
    setAttribute(next, "aria-pressed", armed ? "true" : "false");
    setText(next, armed ? "Armed" : "Next order");
    const fired = planted.reduce((sum, entry) => sum + entry.fired, 0);
    const [tone, word] = armed ? ["accent", "armed"] : fired > 0 ? ["warn", "fired"] : planted.length > 0 ? ["info", "planted"] : ["", ""];
    state.hidden = word === "";
    setText(state, word ?? "");
    setAttribute(state, "data-tone", tone || null);
  };
  return { element, update };
}

// @ts-check
// The local panel: place orders, break them, watch the ledger, set the clock. The stack
// serves it and `/_local`; a deployed page has neither.

import { ApiError } from "../api.js";
import { breakItSection } from "./break_it.js";
import { clockSection } from "./clock.js";
import { make, setText } from "./dom.js";
import { ledgerSection } from "./ledger.js";
import { LocalApi } from "./local_api.js";
import { placeOrderSection } from "./place_order.js";

/** @import { Api } from "../api.js" */

/** How often the page looks, while it is visible. */
const POLL_MS = 2_000;

const STYLES = "/console/local/panel.css";

/**
 * Shows the panel in an element until it is unmounted. With an order, faults can be
 * planted on it and its own ledger is shown.
 *
 * @param {HTMLElement} element
 * @param {{ api: Api, orderId?: string, orderLink?: (orderId: string) => string }} options
 * @returns {{ unmount: () => void }}
 */
export function mount(element, options) {
  const api = new LocalApi(options.api);
  const orderLink = options.orderLink ?? ((orderId) => `#/orders/${encodeURIComponent(orderId)}`);
  const abort = new AbortController();
  const problem = make("p", { class: "notice", "data-tone": "danger", role: "alert", hidden: true });
  const content = make("div", { class: "local-grid" }, make("p", { class: "soft" }, "Loading the local panel…"));
  const root = make("div", { class: "local-root stack" }, problem, content);
  element.append(root);
  addStyles();

  /** @param {unknown} error */
  const onError = (error) => {
    if (abort.signal.aborted) return;
    setText(problem, error instanceof ApiError && error.status === 0 ? "The local stack does not answer. Start it again with “cargo local up”; this page goes on by itself." : error instanceof Error ? error.message : String(error));
    problem.hidden = false;
  };

  /** @type {number | undefined} */
  let timer;
  /** @type {(() => Promise<void>) | undefined} */
  let refresh;

  const start = async () => {
    const [samples, faults, status] = await Promise.all([api.get("samples", abort.signal), api.get("faults", abort.signal), api.get("status", abort.signal)]);
    const ledger = ledgerSection(options.orderId);
    const clock = clockSection(api, status.clock, { onError });
    const breakIt = breakItSection(api, faults, { orderId: options.orderId, orderLink, onError });
    const place = placeOrderSection(samples, { orderLink, onPlaced: () => refresh?.().catch(onError) });
    // Beside an order, its money and what can break it come first.
    const [left, right] = options.orderId
      ? [[ledger.element, clock.element], [breakIt.element, place]]
      : [[place, ledger.element, clock.element], [breakIt.element]];
    content.replaceChildren(make("div", { class: "stack" }, ...left), make("div", { class: "stack" }, ...right));
    refresh = async () => {
      const path = options.orderId ? `ledger?orderId=${encodeURIComponent(options.orderId)}` : undefined;
      const [all, order, state, now] = await Promise.all([
        api.get("ledger", abort.signal),
        path ? api.get(path, abort.signal) : undefined,
        api.get("faults", abort.signal),
        api.get("status", abort.signal),
      ]);
      ledger.update(all, order);
      breakIt.update(state);
      clock.update(now.clock);
    };
  };

  let polling = false;
  const poll = async () => {
    if (polling) return;
    polling = true;
    window.clearTimeout(timer);
    try {
      if (!refresh) await start();
      await refresh?.();
      problem.hidden = true;
    } catch (error) {
      onError(error);
    }
    polling = false;
    if (!abort.signal.aborted && !document.hidden) timer = window.setTimeout(poll, POLL_MS);
  };
  const onVisibility = () => {
    if (!document.hidden) poll();
  };
  document.addEventListener("visibilitychange", onVisibility, { signal: abort.signal });
  poll();

  return {
    unmount: () => {
      abort.abort();
      window.clearTimeout(timer);
      root.remove();
    },
  };
}

/** The shell does not know the panel's styles, so the panel links them. */
function addStyles() {
  if (document.querySelector(`link[href="${STYLES}"]`)) return;
  document.head.append(make("link", { rel: "stylesheet", href: STYLES }));
}

// @ts-check
// The place of the local stack's panel beside the board and an order. Its modules are
// served by the local stack only; a deployment has neither the files nor `/_local/*`.

import { h } from "../dom.js";

const OPEN = "orders.local-panel";

/**
 * @param {import("../app.js").Context} context
 * @param {string} [orderId]
 */
export function localPanel(context, orderId) {
  if (!context.isLocal) return null;
  const body = h("div", { class: "panel-body" }, h("div", { class: "skeleton" }));
  const panel = h("details", { class: "panel local-panel" },
    h("summary", { class: "panel-head" }, "Local stack"), body);
  panel.open = localStorage.getItem(OPEN) !== "closed";
  panel.addEventListener("toggle", () => {
    localStorage.setItem(OPEN, panel.open ? "open" : "closed");
    if (panel.open) void fill();
  });
  /** @type {(() => void) | undefined} */
  let unmount;
  let filled = false;
  async function fill() {
    if (filled) return;
    filled = true;
    try {
      // Not a literal: the file is not part of what is deployed.
      const path = "/console/local/panel.js";
      const module = await import(path);
      body.replaceChildren();
      const mounted = module.mount(body, { api: context.api, orderId });
      unmount = () => mounted.unmount();
    } catch {
      panel.parentElement?.classList.remove("columns-local", "has-local");
      panel.remove();
    }
  }
  if (panel.open) void fill();
  return { element: panel, destroy: () => unmount?.() };
}

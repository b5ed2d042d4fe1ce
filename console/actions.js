// @ts-check
// What a person may do with an order: the words, the confirmation and the request of each
// action that the API offers. The API computes `actions` from the rules that guard the
// writes; this module adds nothing and hides nothing.

import { ApiError } from "./api.js";
import { data, h } from "./dom.js";
import { money } from "./format.js";
import { pollNow } from "./poll.js";

/**
 * @typedef {import("./app.js").Context} Context
 *
 * @typedef {{name: string, label: string, options: [string, string][]}} Choice
 *
 * @typedef {object} Deed
 * @property {string} text
 * @property {string} about what it will do
 * @property {string} tone the class of its button
 * @property {"none" | "optional" | "required"} note
 * @property {Choice[]} [choices] what the person says; at least one must be said
 * @property {boolean} confirms asks before it is sent
 * @property {(order: any) => {path: string, body?: any}} request
 * @property {string} done
 */

/** @param {string} action @param {Record<string, any>} [more] */
function resume(action, more = {}) {
  return (/** @type {any} */ order) => ({ path: `/orders/${order.orderId}/resume`, body: { action, ...more } });
}

/** @param {"approve" | "reject"} decision */
function review(decision) {
  return (/** @type {any} */ order) => ({ path: `/orders/${order.orderId}/review`, body: { decision } });
}

/** @type {Record<string, Deed[]>} By the name of the API; a review is two. */
const DEEDS = {
  review: [
    { text: "Approve", about: "The order goes on: its stock is reserved, the label bought, and the payment captured.", tone: "button-primary", note: "optional", confirms: true, request: review("approve"), done: "Approved." },
    { text: "Reject", about: "The order is closed as rejected, and the hold on the customer's money is released.", tone: "button-danger", note: "optional", confirms: true, request: review("reject"), done: "Rejected." },
  ],
  "resume:capture": [{ text: "Capture again", about: "The workflow tries again to capture the payment. The stock is reserved and the label is bought.", tone: "button-primary", note: "optional", confirms: true, request: resume("capture"), done: "The workflow captures the payment." }],
  "resume:retry": [{ text: "Retry", about: "The workflow runs again from the payment. Steps already done are skipped.", tone: "button-primary", note: "optional", confirms: true, request: resume("retry"), done: "The workflow tries again." }],
  "resume:compensate": [{ text: "Undo the order", about: "The label is refunded, the stock released and the hold on the money voided. A captured payment is not refunded.", tone: "button-danger", note: "optional", confirms: true, request: resume("compensate"), done: "The workflow undoes the order." }],
  "resume:compensate-with-refund": [{ text: "Undo and refund", about: "The label is refunded, the stock released, and the customer gets all captured money back.", tone: "button-danger", note: "optional", confirms: true, request: resume("compensate", { refund: true }), done: "The workflow undoes the order and refunds the payment." }],
  "resume:settle": [{
    text: "Settle by hand",
    about: "You record what a provider will not say, after you have checked it there. The workflow undoes the rest. If the provider later says something else, the order is raised again.",
    tone: "button-danger", note: "required", confirms: true, request: resume("settle"), done: "Recorded. The workflow undoes the rest.",
    choices: [
      { name: "money", label: "The customer's money", options: [["voided", "Never captured, and no hold is left"], ["refunded", "The customer has it back"], ["captured", "The shop has it, and keeps it"]] },
      { name: "label", label: "The shipping label", options: [["none", "None was bought"], ["refunded", "Its refund is on its way"], ["kept", "It was bought, and the shop bears the postage"]] },
    ],
  }],
  "resume:acknowledge": [{ text: "Acknowledge", about: "You have dealt with what was raised. The order leaves the queue; nothing else changes.", tone: "", note: "optional", confirms: true, request: resume("acknowledge"), done: "Acknowledged." }],
  cancel: [{ text: "Cancel order", about: "The order is canceled: what was reserved is released, and no money is taken.", tone: "button-danger", note: "none", confirms: true, request: (order) => ({ path: `/orders/${order.orderId}/cancel` }), done: "The order is being canceled." }],
};

/** The actions that this page has words for. A test compares them with the API's. */
export const KNOWN_ACTIONS = Object.keys(DEEDS).filter((action) => (DEEDS[action] ?? []).length > 0);

/**
 * Buttons for what this person may do now.
 *
 * @param {Context} context
 * @param {any} order with `orderId`, `actions` and, for the words, `total`
 */
export function actionButtons(context, order) {
  const allowed = new Set(/** @type {string[]} */ (order.actions ?? []));
  // In the order of the table: what moves the order on comes first.
  return KNOWN_ACTIONS.filter((action) => allowed.has(action)).flatMap((action) => DEEDS[action] ?? []).map((deed) =>
    h("button", { class: `button ${deed.tone}`, title: deed.about, onclick: () => void perform(context, order, deed) }, deed.text));
}

/**
 * @param {Context} context
 * @param {any} order
 * @param {Deed} deed
 */
function perform(context, order, deed) {
  const choices = (deed.choices ?? []).map(choiceField);
  const note = deed.note === "none" ? null : noteField(deed.note === "required");
  return ask({
    title: `${deed.text}?`,
    about: deed.about,
    subject: [data(order.orderId, "mono"), ...(order.total ? [` · ${money(order.total)}`] : [])],
    confirm: deed.text,
    isDangerous: deed.tone === "button-danger",
    fields: [...choices, ...(note ? [note] : [])].map((field) => field.element),
    async act() {
      const { path, body } = deed.request(order);
      const said = choices.filter((choice) => choice.input.value).map((choice) => [choice.name, choice.input.value]);
      if (choices.length > 0 && said.length === 0) throw new Error("Say what is known of the money, of the label, or of both.");
      const text = note?.input.value.trim();
      try {
        await context.api.post(path, said.length > 0 || text ? { ...body, ...Object.fromEntries(said), ...(text ? { note: text } : {}) } : body);
      } catch (error) {
        throw path.endsWith("/review") ? await withDecision(context, path.replace(/\/review$/, ""), error) : error;
      }
      context.toast(deed.done);
      pollNow();
    },
  });
}

/** @param {Choice} choice */
function choiceField({ name, label, options }) {
  const input = h("select", { class: "select", id: `choice-${name}` }, [["", "Nothing to say"], ...options].map(([value, text]) => h("option", { value: value ?? "" }, text ?? "")));
  return { name, input, element: h("div", { class: "field" }, h("label", { for: input.id, text: label }), input) };
}

/** @param {boolean} required */
function noteField(required) {
  const input = h("textarea", { class: "textarea", id: "note", maxlength: "500", required, placeholder: "For other operators; the customer does not see it." });
  return { input, element: h("div", { class: "field" }, h("label", { for: "note", text: required ? "Note" : "Note (optional)" }), input) };
}

/**
 * Says who decided, if another operator was faster.
 *
 * @param {Context} context
 * @param {string} path the order
 * @param {unknown} error
 */
async function withDecision(context, path, error) {
  if (!(error instanceof ApiError) || error.status !== 409) return error;
  const order = await context.api.get(path).catch(() => null);
  const { decision, by } = order?.review ?? {};
  return decision && by ? new Error(`${by} decided first: ${/^approve/i.test(decision) ? "approved" : "rejected"}. The page now shows the order as it is.`) : error;
}

/**
 * Asks in a dialog, and stays open with the reason if the action does not succeed.
 *
 * @param {{title: string, about?: string, subject?: (Node | string)[], confirm: string, isDangerous?: boolean, fields?: Node[], act: (form: HTMLFormElement) => Promise<void>}} options
 */
export function ask({ title, about, subject, confirm, isDangerous = false, fields = [], act }) {
  const problem = h("p", { class: "notice", "data-tone": "danger", role: "alert", hidden: true });
  const send = h("button", { class: `button ${isDangerous ? "button-danger-solid" : "button-primary"}`, type: "submit" }, confirm);
  const back = h("button", { class: "button", type: "button", onclick: () => dialog.close() }, "Go back");
  const form = h("form", {},
    h("h2", { id: "dialog-title", text: title }),
    subject ? h("p", { class: "dialog-subject" }, subject) : null,
    about ? h("p", { class: "soft", text: about }) : null,
    fields, problem,
    h("div", { class: "dialog-actions" }, back, send));
  const dialog = h("dialog", { class: "dialog", "aria-labelledby": "dialog-title" }, form);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (send.getAttribute("aria-busy")) return;
    send.setAttribute("aria-busy", "true");
    send.disabled = true;
    problem.hidden = true;
    try {
      await act(form);
      dialog.close();
    } catch (error) {
      problem.hidden = false;
      problem.textContent = error instanceof ApiError || error instanceof Error ? explain(error) : String(error);
      pollNow();
    } finally {
      send.removeAttribute("aria-busy");
      send.disabled = false;
    }
  });
  const opener = document.activeElement;
  dialog.addEventListener("close", () => {
    dialog.remove();
    if (opener instanceof HTMLElement && opener.isConnected) opener.focus();
  });
  document.body.append(dialog);
  dialog.showModal();
}

/**
 * Shows something in a dialog.
 *
 * @param {string} title
 * @param {Node} content
 */
export function show(title, content) {
  const dialog = h("dialog", { class: "dialog", "aria-labelledby": "dialog-title" },
    h("div", { class: "dialog-body" }, h("h2", { id: "dialog-title", text: title }), content,
      h("div", { class: "dialog-actions" }, h("button", { class: "button", type: "button", onclick: () => dialog.close() }, "Close"))));
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

/** @param {Error} error */
function explain(error) {
  if (!(error instanceof ApiError)) return error.message;
  if (error.status === 409) return `${error.message} The order has moved on; the page now shows how it is.`;
  if (error.status === 0) return "The server does not answer. Nothing may have happened: look at the order before you send it again.";
  return error.message;
}

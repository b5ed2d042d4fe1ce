// @ts-check
// One order: its way through the workflow, its timeline in plain words, money, shipment,
// and what may be done with it. A customer sees the same view without what is for operators.

import { actionButtons } from "../actions.js";
import { ApiError } from "../api.js";
import { data, h, icon, ICONS, keyed, replaceWhen, setAttributes, setText } from "../dom.js";
import { auditWords, causeWords, codeWords, countdown, duration, errorWords, fullTime, isClosed, money, PAYMENT_STATUSES, REVIEW_REASONS, time, timelineWords } from "../format.js";
import { poll, pollNow } from "../poll.js";
import { createDiagram } from "../workflow/diagram.js";
import { words } from "../workflow/graph.js";
import { allVisits } from "../workflow/story.js";
import { factsTable } from "./facts.js";
import { localPanel } from "./local-panel.js";
import { attentionBadge, empty, paintStatus, skeletonRows, skuText, STATE_TITLES, UNDOES } from "./parts.js";

/** While nothing on the record changes, the history is read on every nth poll. */
const HISTORY_EVERY = 3;

/**
 * @param {import("../app.js").Context} context
 * @param {string} orderId
 */
export function open(context, orderId) {
  const isOperator = context.session.may("orders/operate");
  const head = createHead(context, orderId);
  const problem = h("div", { hidden: true });
  const attention = h("div", { class: "stack attention-slot" });
  const way = isOperator ? createWorkflow(context) : createProgress();
  const timeline = createTimeline();
  const details = h("div", { class: "stack" }, h("section", { class: "panel" }, skeletonRows(6)));
  const local = localPanel(context, orderId);
  const columns = h("div", { class: `columns columns-order${local ? " has-local" : ""}` }, timeline.element, details, local?.element ?? null);
  const content = h("div", { class: "view" }, attention, way.element, columns);
  const element = h("div", { class: "view" }, head.element, problem, content);

  /** @type {any} */
  let order = null;
  /** Undefined until it was read, null if there is none. @type {any} */
  let execution;
  let round = 0;
  const paint = () => {
    head.update(order);
    paintAttention(attention, order, execution);
    way.update(order, execution);
    timeline.update(order, execution, way.until());
    paintDetails(details, context, order);
  };
  way.onReplay(() => order && timeline.update(order, execution, way.until()));
  const readExecution = async (/** @type {AbortSignal} */ signal) => {
    try {
      execution = (await context.api.read(`/orders/${orderId}/execution`, { signal })).body;
    } catch (error) {
      if (!(error instanceof ApiError && error.status === 404)) throw error;
      execution ??= null;
    }
  };
  const poller = poll(async (signal) => {
    try {
      const answer = await context.api.read(`/orders/${orderId}`, { signal });
      const isFirst = order === null;
      order = answer.body;
      problem.hidden = true;
      content.hidden = false;
      round += 1;
      const isRunning = !execution || latest(execution)?.status === "RUNNING";
      if (isOperator && (answer.changed || isFirst || (isRunning && round % HISTORY_EVERY === 0))) {
        if (isFirst) paint();
        await readExecution(signal);
      }
      paint();
      context.fresh();
    } catch (error) {
      if (!signal.aborted && order === null && error instanceof ApiError) showProblem(problem, content, error);
      throw error;
    }
  });
  return {
    title: `Order ${orderId.slice(0, 12)}`,
    element,
    destroy() {
      poller.stop();
      way.destroy();
      local?.destroy();
    },
  };
}

/** @param {any} execution @returns {any[]} oldest first */
function executionsOf(execution) {
  if (!execution) return [];
  return execution.executions?.length ? execution.executions : [execution];
}

/** @param {any} execution */
function latest(execution) {
  return executionsOf(execution).at(-1);
}

/**
 * @param {HTMLElement} problem
 * @param {HTMLElement} content
 * @param {ApiError} error
 */
function showProblem(problem, content, error) {
  content.hidden = true;
  problem.hidden = false;
  const missing = error.status === 404 || error.status === 403;
  problem.replaceChildren(h("div", { class: "panel" }, empty(
    missing ? "There is no such order" : "The order could not be read",
    missing ? "The id may be wrong, or the order another customer's." : error.message,
    missing ? h("a", { class: "button", href: "#/" }, "Back") : h("button", { class: "button", onclick: () => pollNow() }, "Try again"))));
}

/**
 * @param {import("../app.js").Context} context
 * @param {string} orderId
 */
function createHead(context, orderId) {
  const badge = h("span", { class: "badge" });
  badge.hidden = true;
  const total = h("span", { class: "order-total" });
  const about = h("span", { class: "soft" });
  const actions = h("div", { class: "row" });
  const back = context.session.may("orders/operate") ? "#/board" : "#/orders";
  const copy = h("button", {
    class: "button button-quiet button-icon", "aria-label": "Copy the order id", title: "Copy the order id",
    onclick: () => void navigator.clipboard.writeText(orderId).then(() => context.toast("Copied."), () => context.toast("The browser does not let the page copy.", "danger")),
  }, icon(ICONS.copy, 14));
  const element = h("div", { class: "order-head" },
    h("div", { class: "order-title" },
      h("a", { class: "button button-quiet button-icon", href: back, "aria-label": "Back to the orders" }, icon(ICONS.back)),
      h("h1", { text: orderId }), copy, badge, total, about),
    actions);
  return {
    element,
    /** @param {any} order */
    update(order) {
      badge.hidden = false;
      paintStatus(badge, order.status);
      setText(total, money(order.total));
      replaceWhen(about, `${order.customerId}${order.createdAt}`, () => [
        order.customerId ? [data(order.customerId), " · "] : [], h("time", { datetime: order.createdAt, title: fullTime(order.createdAt), text: time(order.createdAt) }),
      ].flat());
      replaceWhen(actions, JSON.stringify(order.actions ?? []), () => actionButtons(context, order));
    },
  };
}

/** @type {Record<string, string>} What each cause means, and what to do. */
const NEXT_STEPS = {
  REVIEW: "An operator must approve or reject it. Without a decision by the deadline it is rejected.",
  BACKORDER: "It goes on by itself when enough stock comes in. Without it by the deadline the order is closed as out of stock.",
  OPERATOR: "The workflow waits. Look at what is known below, and choose an action.",
};

/**
 * Why the order is where it is, and what happens next.
 *
 * @param {HTMLElement} host
 * @param {any} order
 * @param {any} execution
 */
function paintAttention(host, order, execution) {
  const raised = order.attention;
  const isOpen = order.failure === undefined && !isClosed(order.status);
  const cause = raised?.cause ? causeWords(order.status, raised.cause) : raised?.kind === "OPERATOR" && isOpen ? lastError(execution) : "";
  const failed = order.failure ? lastError(execution, true) : "";
  replaceWhen(host, JSON.stringify([raised ?? null, cause, failed, order.failure ?? null]), () => [
    raised ? h("div", { class: "notice", "data-tone": raised.kind === "OPERATOR" ? "danger" : "warn" },
      attentionBadge(raised.kind),
      h("p", {}, cause ? h("strong", { text: `${cause}. ` }) : null, isOpen ? NEXT_STEPS[raised.kind] ?? "" : "The order is closed. Deal with what was raised, then acknowledge it."),
      h("span", { class: "small soft nowrap", text: `since ${time(raised.since)}` })) : null,
    order.failure ? failureNotice(order.failure, failed, raised !== undefined) : null,
  ]);
}

/**
 * @param {any} failure
 * @param {string} cause
 * @param {boolean} isRaised
 */
function failureNotice(failure, cause, isRaised) {
  const skus = failure.skus?.length ? [" Short: ", data(failure.skus.join(", "), "mono"), "."] : [];
  return h("div", { class: "notice", "data-tone": failure.code === "CANCELLED" ? "info" : "danger" },
    h("p", {}, h("strong", { text: failure.reason }), skus, cause ? ` ${cause}.` : "", isRaised ? "" : " Nothing more happens with this order."));
}

/**
 * The error that stopped the way forward.
 *
 * @param {any} execution
 * @param {boolean} [first] the first that was caught; else the last
 */
function lastError(execution, first = false) {
  const visits = allVisits(executionsOf(execution)).map((entry) => entry.visit);
  const failed = visits.filter((visit, index) => visit.error && /^(Cancel|Release|AwaitOperator)/.test(visits[index + 1]?.name ?? ""));
  const visit = failed[first ? 0 : failed.length - 1];
  if (!visit) return "";
  return `${words(visit.name)}: ${errorWords(String(visit.error))}${(visit.attempts ?? 0) > 1 ? `, after ${visit.attempts} attempts` : ""}`;
}

// -------------------------------------------------------------------- workflow

/** @param {import("../app.js").Context} context */
function createWorkflow(context) {
  const host = h("div", {});
  const slider = h("input", { type: "range", min: "1", max: "1", value: "1", step: "1", "aria-label": "Replay: steps shown" });
  const play = h("button", { class: "button button-small", "aria-pressed": "false" }, icon(ICONS.play, 12), h("span", { text: "Replay" }));
  const said = h("span", { class: "replay-text", role: "status" });
  const replay = h("div", { class: "replay" }, play, slider, said);
  const element = h("section", { class: "panel diagram-panel order-workflow", "aria-label": "Workflow" }, host, replay);
  slider.disabled = true;
  play.disabled = true;

  /** @type {ReturnType<typeof createDiagram> | undefined} */
  let diagram;
  /** @type {any} */
  let execution;
  let position = Infinity;
  let timer = 0;
  /** @type {() => void} */
  let listener = () => {};
  void context.workflow().then((definition) => {
    diagram = createDiagram(host, { definition, label: "The way of this order through the workflow", titles: STATE_TITLES });
    paint();
  });

  const visits = () => allVisits(executionsOf(execution));
  function paint() {
    const executions = executionsOf(execution);
    const all = visits();
    const shown = Math.min(position, all.length);
    diagram?.update({ executions, undoes: UNDOES, ...(shown < all.length ? { position: shown } : {}) });
    slider.disabled = play.disabled = all.length < 2;
    slider.max = String(Math.max(1, all.length));
    slider.value = String(shown);
    const text = execution === undefined ? "Reading the history…" : describe(all, executions, shown);
    slider.setAttribute("aria-valuetext", text);
    setText(said, text);
  }
  function stop() {
    clearInterval(timer);
    timer = 0;
    play.setAttribute("aria-pressed", "false");
    play.replaceChildren(icon(ICONS.play, 12), h("span", { text: "Replay" }));
  }
  const seek = (/** @type {number} */ to) => {
    position = to >= visits().length ? Infinity : to;
    paint();
    listener();
  };
  slider.addEventListener("input", () => {
    stop();
    seek(Number(slider.value));
  });
  play.addEventListener("click", () => {
    if (timer) return stop();
    play.setAttribute("aria-pressed", "true");
    play.replaceChildren(icon(ICONS.pause, 12), h("span", { text: "Pause" }));
    if (position === Infinity) seek(1);
    timer = setInterval(() => {
      seek(Math.min(position, visits().length) + 1);
      if (position === Infinity) stop();
    }, 650);
  });
  return {
    element,
    /** @param {any} _order @param {any} next */
    update(_order, next) {
      execution = next;
      paint();
    },
    /** Until when the replay shows; everything if it does not run. */
    until: () => (position === Infinity ? null : visits()[position]?.visit.enteredAt ?? null),
    /** @param {() => void} call */
    onReplay(call) {
      listener = call;
    },
    destroy() {
      stop();
      diagram?.destroy();
    },
  };
}

/**
 * @param {{execution: number, visit: any}[]} all
 * @param {any[]} executions
 * @param {number} shown
 */
function describe(all, executions, shown) {
  const at = all[shown - 1];
  if (!at) return "The execution has not started yet.";
  const { visit } = at;
  const facts = [`Step ${shown} of ${all.length}: ${words(visit.name)}`, time(visit.enteredAt)];
  if (visit.exitedAt) facts.push(`took ${duration(Date.parse(visit.exitedAt) - Date.parse(visit.enteredAt))}`);
  if (visit.attempts > 1) facts.push(`${visit.attempts} attempts`);
  if (visit.error) facts.push(visit.error);
  if (executions.length > 1) facts.push(`execution ${at.execution + 1} of ${executions.length}`);
  return facts.join(" · ");
}

/** What a customer sees in place of the workflow. */
function createProgress() {
  const STEPS = [["Order received", []], ["Payment authorized", ["AUTHORIZED"]], ["In stock", ["RESERVED"]], ["Being shipped", ["SHIPPING"]], ["Shipped", ["FULFILLED"]]];
  const list = h("ol", { class: "progress" });
  const element = h("section", { class: "panel panel-body", "aria-label": "Progress" }, list);
  return {
    element,
    /** @param {any} order @param {any} _execution */
    update(order, _execution) {
      const seen = new Set(order.timeline.map((/** @type {any} */ entry) => entry.status));
      const reached = STEPS.reduce((last, [, statuses], index) => (/** @type {string[]} */ (statuses).some((status) => seen.has(status)) ? index : last), 0);
      const failed = isClosed(order.status) && order.status !== "FULFILLED";
      replaceWhen(list, `${reached}${failed}${order.status}`, () => STEPS.map(([text], index) => h("li", {
        "data-done": index < reached || order.status === "FULFILLED" || null,
        "data-now": (index === reached && !failed && order.status !== "FULFILLED") || null,
        "data-failed": (index === reached && failed) || null,
        "aria-current": index === reached ? "step" : null,
      }, String(text))));
    },
    until: () => null,
    /** @param {() => void} _call */
    onReplay(_call) {},
    destroy() {},
  };
}

// -------------------------------------------------------------------- timeline

function createTimeline() {
  const list = h("ol", { class: "timeline" });
  const element = h("section", { class: "panel", "aria-labelledby": "timeline-title" },
    h("div", { class: "panel-head" }, h("h2", { id: "timeline-title", text: "Timeline" }), h("span", { class: "small soft", text: Intl.DateTimeFormat().resolvedOptions().timeZone })),
    h("div", { class: "panel-body" }, list));
  const rows = keyed(list, (/** @type {any} */ entry) => entry.key, (/** @type {any} */ entry) => {
    const text = h("bdi");
    const at = h("time", { datetime: entry.at, title: fullTime(entry.at), text: time(entry.at) });
    const row = h("li", { "data-tone": entry.tone }, at, h("span", { class: "dot" }), text);
    return {
      element: row,
      update(/** @type {any} */ next) {
        setText(text, next.text);
        setAttributes(row, { "data-tone": next.tone, "data-later": next.later || null });
      },
    };
  });
  return {
    element,
    /** @param {any} order @param {any} execution @param {string | null} until */
    update(order, execution, until) {
      // On a tie the step comes first: it is the cause.
      const entries = [...steps(execution), ...audited(order), ...order.timeline.map((/** @type {any} */ entry, /** @type {number} */ index) => ({ ...timelineWords(entry), at: entry.at, key: `t${index}` }))];
      entries.sort((a, b) => Date.parse(a.at) - Date.parse(b.at));
      rows.update(entries.map((entry) => ({ ...entry, later: until !== null && Date.parse(entry.at) >= Date.parse(until) })));
    },
  };
}

/** What the execution adds: retries, errors, restarts. @param {any} execution */
function steps(execution) {
  const executions = executionsOf(execution);
  return executions.flatMap((one, number) => {
    const entries = one.states.flatMap((/** @type {any} */ visit, /** @type {number} */ index) => {
      if (visit.type === "Fail" || (!visit.error && !(visit.attempts > 1))) return [];
      const tries = visit.attempts > 1 ? `${visit.attempts} attempts` : "one attempt";
      return [{ key: `s${number}.${index}`, at: visit.exitedAt ?? visit.enteredAt, tone: "step", text: `${words(visit.name)}: ${tries}${visit.error ? `, ${visit.attempts > 1 ? "the last: " : ""}${errorWords(visit.error)}` : ""}` }];
    });
    if (number > 0) entries.unshift({ key: `e${number}`, at: one.startedAt, tone: "step", text: `The workflow was started again as execution ${number + 1}; finished steps pass without effect` });
    return entries;
  });
}

/** @param {any} order */
function audited(order) {
  return (order.audit ?? []).map((/** @type {any} */ entry, /** @type {number} */ index) => ({ key: `a${index}`, at: entry.at, tone: "step", text: `${entry.actor} ${auditWords(entry)}` }));
}

// --------------------------------------------------------------------- details

/**
 * @param {HTMLElement} host
 * @param {import("../app.js").Context} context
 * @param {any} order
 */
function paintDetails(host, context, order) {
  const { timeline: _timeline, updatedAt: _updatedAt, ...facts } = order;
  // An operator who decides looks at what is known first.
  const decides = order.attention?.kind === "OPERATOR";
  replaceWhen(host, JSON.stringify(facts), () => [
    decides ? section("Payment and shipment", moneyTable(context, order)) : null,
    linesPanel(order),
    decides ? null : section("Payment and shipment", moneyTable(context, order)),
    order.review ? section("Review", reviewTable(order.review)) : null,
  ]);
}

/** @param {string} title @param {Node} content */
function section(title, content) {
  return h("section", { class: "panel" }, h("div", { class: "panel-head" }, h("h2", { text: title })), h("div", { class: "panel-body" }, content));
}

/** @param {any} order */
function linesPanel(order) {
  const rows = order.items.map((/** @type {any} */ item) => h("tr", {},
    h("td", {}, data(item.title), h("div", { class: "small soft" }, skuText(item.sku))),
    h("td", { class: "number", text: `${item.quantity} × ${money(item.unitPrice)}` }),
    h("td", { class: "number", text: money({ ...item.unitPrice, amount: item.unitPrice.amount * item.quantity }) })));
  return h("section", { class: "panel" },
    h("div", { class: "panel-head" }, h("h2", { text: "Lines" })),
    h("div", { class: "table-scroll" }, h("table", { class: "table lines" },
      h("caption", { class: "visually-hidden", text: "Lines of the order" }),
      h("thead", {}, h("tr", {}, h("th", { scope: "col", text: "Product" }), h("th", { scope: "col", class: "number", text: "Quantity and price" }), h("th", { scope: "col", class: "number", text: "Sum" }))),
      h("tbody", {}, rows),
      h("tfoot", {}, h("tr", {}, h("td", { colspan: "2", text: "Total, shipping included" }), h("td", { class: "number", text: money(order.total) }))))));
}

/** @param {import("../app.js").Context} context @param {any} order */
function moneyTable(context, order) {
  const list = h("dl", { class: "facts" });
  const add = (/** @type {string} */ name, /** @type {string} */ value) => list.append(h("dt", { text: name }), h("dd", { text: value }));
  if (order.facts) factsTable(order.facts, list);
  else add("Payment", PAYMENT_STATUSES[order.payment?.status ?? "NONE"] ?? codeWords(order.payment?.status ?? ""));
  if (order.scheduledFor) add("Scheduled for", fullTime(order.scheduledFor));
  const shipment = order.shipment;
  if (shipment) {
    const link = /^https?:\/\//.test(shipment.trackingUrl ?? "")
      ? h("a", { href: shipment.trackingUrl, target: "_blank", rel: "noopener noreferrer" }, data(shipment.trackingCode, "mono"))
      : data(shipment.trackingCode, "mono");
    list.append(h("dt", { text: "Shipment" }), h("dd", {}, data(`${shipment.carrier} ${shipment.service}`)), h("dt", { text: "Tracking" }), h("dd", {}, link));
    if (context.session.may("orders/operate") && shipment.labelUrl && /^https?:\/\//.test(shipment.labelUrl)) {
      list.append(h("dt", { text: "Label file" }), h("dd", {}, h("a", { href: shipment.labelUrl, target: "_blank", rel: "noopener noreferrer" }, "Print the label")));
    }
  } else list.append(h("dt", { text: "Shipment" }), h("dd", { class: "soft", text: isClosed(order.status) ? "None" : "Not yet" }));
  return list;
}

/** @param {any} review */
function reviewTable(review) {
  const list = h("dl", { class: "facts" });
  const add = (/** @type {string} */ name, /** @type {Node | string} */ value) => list.append(h("dt", { text: name }), h("dd", {}, value));
  if (review.reasons?.length) add("Reasons", review.reasons.map((/** @type {string} */ reason) => REVIEW_REASONS[reason] ?? codeWords(reason)).join("; "));
  if (review.deadline && !review.decision) add("Deadline", `${time(review.deadline)} (${countdown(review.deadline)})`);
  if (review.decision) add("Decision", h("span", {}, `${codeWords(review.decision)}${review.by ? " by " : ""}`, data(review.by ?? ""), review.at ? `, ${time(review.at)}` : ""));
  if (review.note) add("Note", data(review.note));
  return list;
}

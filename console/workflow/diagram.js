// @ts-check
// A picture of a state machine, from its Amazon States Language definition, and of what
// happened in it, from a history. It knows no application.
//
//   const diagram = createDiagram(element, { definition });
//   diagram.update({ counts: { AwaitReview: 3 } });             // how many are where
//   diagram.update({ executions, position: 4, undoes });        // one history, replayed
//
// States are buttons in a list, so that keyboard and screen reader reach each one; the
// same facts are there as text below the picture. Styles: `diagram.css`. No style is
// inline, and nothing is parsed as markup, so a strict Content-Security-Policy holds.

import { END, readGraph, words } from "./graph.js";
import { layOut } from "./layout.js";
import { readStory } from "./story.js";

/**
 * @typedef {import("./layout.js").Layout} Layout
 * @typedef {import("./story.js").Execution} Execution
 * @typedef {import("./story.js").StateStory} StateStory
 *
 * @typedef {object} DiagramState
 * @property {Record<string, number>} [counts] how many executions are in each state
 * @property {Execution[]} [executions] oldest first
 * @property {number} [position] how many visits to show
 * @property {Record<string, string[]>} [undoes] for each compensating state what it undoes
 *
 * @typedef {object} DiagramOptions
 * @property {any} definition
 * @property {string} [label] what the picture shows, for screen readers
 * @property {Record<string, string>} [titles] other words than those of a state's name
 * @property {string} [unit] what the counts count, such as "orders"
 * @property {(name: string) => void} [onSelect]
 */

const SVG = "http://www.w3.org/2000/svg";
const GLYPHS = {
  task: "M3 4.5A1.5 1.5 0 0 1 4.5 3h7A1.5 1.5 0 0 1 13 4.5v7a1.5 1.5 0 0 1-1.5 1.5h-7A1.5 1.5 0 0 1 3 11.5z",
  choice: "M8 2.2 13.8 8 8 13.8 2.2 8z",
  wait: "M8 2.5a5.5 5.5 0 1 1 0 11 5.5 5.5 0 0 1 0-11zM8 5v3.2l2 1.3",
  pass: "M3 8h9M9 5l3 3-3 3",
  done: "M3.5 8.5l3 3 6-7",
  failed: "M4.5 4.5l7 7M11.5 4.5l-7 7",
  undone: "M6.5 4 3 7.5 6.5 11M3.2 7.5H10a3 3 0 0 1 0 6H8",
};

/**
 * @param {HTMLElement} host
 * @param {DiagramOptions} options
 */
export function createDiagram(host, options) {
  const graph = readGraph(options.definition);
  const title = (/** @type {string} */ name) => options.titles?.[name] ?? words(name);
  const root = make("div", "wf");
  const canvas = make("div", "wf-canvas");
  const svg = /** @type {SVGSVGElement} */ (document.createElementNS(SVG, "svg"));
  svg.classList.add("wf-edges");
  svg.setAttribute("aria-hidden", "true");
  const list = make("ul", "wf-nodes");
  list.setAttribute("aria-label", options.label ?? "Workflow");
  canvas.append(svg, list);
  const text = createText(graph, title);
  root.append(canvas, text.element);
  host.append(root);

  const nodes = new Map(graph.nodes.map((node) => [node.name, createNode(node, title(node.name), options.onSelect)]));
  for (const node of readingOrder(graph)) {
    const item = nodes.get(node.name)?.item;
    if (item) list.append(item);
  }
  /** @type {Map<string, SVGGElement>} */
  const edges = new Map();
  /** @type {Layout | undefined} */
  let layout;
  /** @type {DiagramState} */
  let state = {};

  const focusOn = (/** @type {string | null} */ name) => {
    root.toggleAttribute("data-focused", name !== null);
    for (const edge of graph.edges) {
      edges.get(edge.id)?.classList.toggle("is-related", name !== null && edge.from === name);
    }
  };
  for (const [name, node] of nodes) {
    node.button.addEventListener("pointerenter", () => focusOn(name));
    node.button.addEventListener("pointerleave", () => focusOn(null));
    node.button.addEventListener("focus", () => node.button.matches(":focus-visible") && focusOn(name));
    node.button.addEventListener("blur", () => focusOn(null));
    node.button.addEventListener("keydown", (event) => moveFocus(event, name));
  }

  /** @param {KeyboardEvent} event @param {string} name */
  function moveFocus(event, name) {
    const steps = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] };
    const step = steps[/** @type {keyof typeof steps} */ (event.key)];
    const from = layout?.boxes.find((box) => box.name === name);
    if (!step || !layout || !from) return;
    const [dx, dy] = /** @type {[number, number]} */ (step);
    const distance = (/** @type {import("./layout.js").Box} */ box) => {
      const along = (box.x - from.x) * dx + (box.y - from.y) * dy;
      const aside = Math.abs((box.x - from.x) * dy) + Math.abs((box.y - from.y) * dx);
      return along > 4 ? along + 3 * aside : Infinity;
    };
    const best = layout.boxes.reduce((a, b) => (distance(b) < distance(a) ? b : a));
    if (distance(best) === Infinity) return;
    event.preventDefault();
    nodes.get(best.name)?.button.focus();
  }

  /**
   * Computes in one task and draws in the next, so that none is long.
   *
   * @param {number} width
   */
  function relayout(width) {
    const next = layOut(graph, width);
    setTimeout(() => draw(next), 0);
  }

  /** @param {Layout} next */
  function draw(next) {
    layout = next;
    root.toggleAttribute("data-drawn", true);
    root.dataset["direction"] = layout.direction;
    root.toggleAttribute("data-compact", layout.isCompact);
    canvas.style.width = `${layout.width}px`;
    canvas.style.height = `${layout.height}px`;
    svg.setAttribute("viewBox", `0 0 ${layout.width} ${layout.height}`);
    svg.setAttribute("width", String(layout.width));
    svg.setAttribute("height", String(layout.height));
    for (const box of layout.boxes) {
      const style = nodes.get(box.name)?.item.style;
      if (!style) continue;
      style.translate = `${box.x}px ${box.y}px`;
      style.width = `${box.width}px`;
      style.height = `${box.height}px`;
    }
    svg.replaceChildren();
    edges.clear();
    for (const line of layout.lines) {
      const group = drawLine(line);
      const role = graph.nodes.find((node) => node.name === line.to)?.role;
      if (role !== "spine" && role !== "detour") group.dataset["way"] = "back";
      edges.set(line.id, group);
      svg.append(group);
    }
    paint();
  }

  function paint() {
    const story = state.executions ? readStory(graph, state.executions, state) : undefined;
    root.dataset["mode"] = story ? "history" : "board";
    for (const node of graph.nodes) {
      nodes.get(node.name)?.paint(story ? story.states.get(node.name) ?? null : undefined, state.counts?.[node.name] ?? 0, options.unit ?? "executions");
    }
    for (const [id, group] of edges) {
      const taken = (story?.edges.get(id) ?? 0) > 0;
      if (taken && !group.classList.contains("is-taken")) svg.append(group);
      group.classList.toggle("is-taken", taken);
    }
    text.update(story, state.counts, options.unit ?? "executions");
  }

  const observer = new ResizeObserver(() => {
    const width = Math.floor(root.clientWidth);
    if (width === 0 || width === drawnWidth) return;
    drawnWidth = width;
    setTimeout(() => relayout(width), 0);
  });
  let drawnWidth = 0;
  observer.observe(root);

  return {
    element: root,
    graph,
    /** @param {DiagramState} next */
    update(next) {
      state = next;
      if (layout) paint();
    },
    /** The drawn geometry, for tests. */
    geometry: () => layout,
    destroy() {
      observer.disconnect();
      root.remove();
    },
  };
}

/** @param {string} tag @param {string} className @param {string} [content] */
function make(tag, className, content) {
  const element = document.createElement(tag);
  element.className = className;
  if (content !== undefined) element.textContent = content;
  return element;
}

/**
 * States as they are read: the way forward with its stations, then failures, then ends.
 *
 * @param {import("./graph.js").Graph} graph
 */
function readingOrder(graph) {
  const rank = { spine: 0, detour: 0, branch: 0, handler: 1, end: 2 };
  return [...graph.nodes].sort((a, b) => rank[a.role] - rank[b.role]);
}

/** @param {string} path */
function glyph(path) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("aria-hidden", "true");
  svg.classList.add("wf-glyph");
  const drawing = document.createElementNS(SVG, "path");
  drawing.setAttribute("d", path);
  svg.append(drawing);
  return { svg, drawing };
}

/** @param {import("./graph.js").GraphNode} node */
function kindOf(node) {
  if (node.type === "Fail") return "failed";
  if (node.type === "Succeed" || node.type === END) return "done";
  if (node.waits) return "wait";
  if (node.type === "Choice") return "choice";
  return node.type === "Pass" ? "pass" : "task";
}

/** @type {Record<StateStory["status"], string>} */
const STATUS_WORDS = {
  idle: "not reached",
  done: "done",
  current: "here now",
  failed: "failed",
  stopped: "stopped here",
  undone: "undone",
};

/**
 * @param {import("./graph.js").GraphNode} node
 * @param {string} title
 * @param {((name: string) => void) | undefined} onSelect
 */
function createNode(node, title, onSelect) {
  const item = /** @type {HTMLLIElement} */ (make("li", "wf-item"));
  const button = /** @type {HTMLButtonElement} */ (make("button", "wf-node"));
  button.type = "button";
  const kind = kindOf(node);
  button.dataset["state"] = node.name;
  button.dataset["kind"] = kind;
  button.dataset["role"] = node.role;
  if (node.isEnd) button.dataset["end"] = node.type === "Fail" ? "fail" : "success";
  const typeWord = node.waits && node.type !== "Wait" ? "Waits" : node.type;
  const icon = glyph(GLYPHS[kind]);
  const name = make("span", "wf-name", title);
  const meta = make("span", "wf-meta", typeWord);
  const count = make("span", "wf-count");
  count.hidden = true;
  const tries = make("span", "wf-tries");
  tries.hidden = true;
  // The visible text is the name of the button; what only the look says is added unseen.
  const said = make("span", "visually-hidden");
  button.append(icon.svg, name, meta, count, tries, said);
  button.title = node.comment ? `${node.name}: ${node.comment}` : node.name;
  if (onSelect) button.addEventListener("click", () => onSelect(node.name));
  item.append(button);

  /**
   * @param {StateStory | null | undefined} story undefined without a history
   * @param {number} orders
   * @param {string} unit
   */
  function paint(story, orders, unit) {
    const status = story === undefined ? "" : story?.status ?? "idle";
    button.dataset["status"] = status;
    const facts = [];
    if (story && story.visits > 1) facts.push(`entered ${story.visits} times`);
    if (story && story.attempts > 1) facts.push(`${story.attempts} attempts`);
    if (story?.error) facts.push(story.error);
    const short = { undone: "undone", stopped: story?.error || "stopped", failed: story?.error || "failed", current: story?.error ? `retries: ${story.error}` : "here now" };
    const shown = short[/** @type {keyof typeof short} */ (status)] ?? (story && story.visits > 1 ? `entered ${story.visits} times` : typeWord);
    if (meta.textContent !== shown) meta.textContent = shown;
    button.toggleAttribute("data-notable", shown !== typeWord);
    const isMarked = status === "done" || status === "failed" || status === "undone";
    const path = GLYPHS[isMarked && button.dataset["end"] !== "fail" ? status : kind];
    tries.hidden = !story || story.attempts < 2;
    const attempts = `${story?.attempts ?? 0}×`;
    if (tries.textContent !== attempts) tries.textContent = attempts;
    if (icon.drawing.getAttribute("d") !== path) icon.drawing.setAttribute("d", path);
    count.hidden = orders === 0;
    const number = orders.toLocaleString();
    if (count.textContent !== number) count.textContent = number;
    button.toggleAttribute("data-busy", orders > 0);
    const unseen = story === undefined ? `, ${orders} ${unit}` : `, ${[STATUS_WORDS[story?.status ?? "idle"], ...facts].join(", ")}`;
    if (said.textContent !== unseen) said.textContent = unseen;
  }
  return { item, button, paint };
}

/** @param {import("./layout.js").Line} line */
function drawLine(line) {
  const group = document.createElementNS(SVG, "g");
  group.classList.add("wf-edge");
  group.dataset["edge"] = line.id;
  group.dataset["kind"] = line.kind;
  if (line.quiet) group.classList.add("is-quiet");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", roundedPath(line.points));
  path.classList.add("wf-line");
  const head = document.createElementNS(SVG, "path");
  head.setAttribute("d", arrowHead(line.points));
  head.classList.add("wf-head");
  group.append(path, head);
  return group;
}

/** @param {import("./layout.js").Point[]} points */
function roundedPath(points) {
  const radius = 6;
  return points
    .map((point, index) => {
      const [before, after] = [points[index - 1], points[index + 1]];
      if (!before) return `M${point.x} ${point.y}`;
      if (!after) {
        const [back] = [toward(point, before, 5)];
        return `L${back.x} ${back.y}`;
      }
      const length = (/** @type {import("./layout.js").Point} */ other) => Math.abs(other.x - point.x) + Math.abs(other.y - point.y);
      const r = Math.min(radius, length(before) / 2, length(after) / 2);
      const [from, to] = [toward(point, before, r), toward(point, after, r)];
      return `L${from.x} ${from.y}Q${point.x} ${point.y} ${to.x} ${to.y}`;
    })
    .join("");
}

/**
 * @param {import("./layout.js").Point} from
 * @param {import("./layout.js").Point} to
 * @param {number} by
 */
function toward(from, to, by) {
  return { x: from.x + Math.sign(to.x - from.x) * by, y: from.y + Math.sign(to.y - from.y) * by };
}

/** @param {import("./layout.js").Point[]} points */
function arrowHead(points) {
  const [tip, before] = [points[points.length - 1], points[points.length - 2]];
  if (!tip || !before) return "";
  const base = toward(tip, before, 7);
  return tip.x === before.x
    ? `M${tip.x} ${tip.y}L${base.x - 4} ${base.y}L${base.x + 4} ${base.y}Z`
    : `M${tip.x} ${tip.y}L${base.x} ${base.y - 4}L${base.x} ${base.y + 4}Z`;
}

/**
 * The same as text.
 *
 * @param {import("./graph.js").Graph} graph
 * @param {(name: string) => string} title
 */
function createText(graph, title) {
  const element = /** @type {HTMLDetailsElement} */ (make("details", "wf-text"));
  const summary = make("summary", "", "Workflow as a list");
  const list = make("ol", "wf-text-list");
  element.append(summary, list);
  const rows = readingOrder(graph).map((node) => {
    const row = make("li", "");
    const name = make("strong", "", title(node.name));
    const facts = make("span", "wf-text-facts");
    const ways = graph.edges.filter((edge) => edge.from === node.name);
    const next = [...new Set(ways.filter((edge) => edge.kind !== "catch").map((edge) => title(edge.to)))];
    const caught = ways.filter((edge) => edge.kind === "catch").map((edge) => {
      const errors = edge.errors.includes("States.ALL") ? "any other error" : edge.errors.join(", ");
      return `on ${errors} to ${title(edge.to)}`;
    });
    const leads = [next.length > 0 ? `then ${next.join(" or ")}` : node.isEnd ? "ends" : "", ...caught].filter(Boolean).join("; ");
    row.append(name, ` (${node.type}) `, facts, make("span", "wf-text-ways", leads));
    list.append(row);
    return { name: node.name, facts };
  });
  return {
    element,
    /**
     * @param {import("./story.js").Story | undefined} story
     * @param {Record<string, number> | undefined} counts
     * @param {string} unit
     */
    update(story, counts, unit) {
      for (const { name, facts } of rows) {
        const state = story?.states.get(name);
        const said = story
          ? [STATUS_WORDS[state?.status ?? "idle"], state && state.attempts > 1 ? `${state.attempts} attempts` : "", state?.error ?? ""].filter(Boolean).join(", ")
          : `${counts?.[name] ?? 0} ${unit}`;
        if (facts.textContent !== `${said}. `) facts.textContent = `${said}. `;
      }
    },
  };
}

// @ts-check
// An Amazon States Language definition as a graph, with the role that each state has in
// the picture. Knows nothing of what the states are for: everything here follows from
// the definition.

/**
 * @typedef {"spine" | "detour" | "branch" | "handler" | "end"} Role
 * @typedef {object} GraphNode
 * @property {string} name
 * @property {string} type the `Type` of the state; "End" for the marker that no state is
 * @property {boolean} waits a Wait state, or a task that waits for a callback
 * @property {boolean} isEnd the execution can end here
 * @property {string} comment
 * @property {Role} role
 *
 * @typedef {object} GraphEdge
 * @property {string} id
 * @property {string} from
 * @property {string} to
 * @property {"next" | "choice" | "default" | "catch"} kind
 * @property {string[]} errors the errors that a Catch names
 * @property {boolean} quiet drawn only when it was taken or its state has the focus
 *
 * @typedef {object} Graph
 * @property {string} start
 * @property {GraphNode[]} nodes
 * @property {GraphEdge[]} edges
 * @property {string[]} spine
 */

/**
 * @param {any} definition
 * @returns {Graph}
 */
export function readGraph(definition) {
  const states = withEnd(definition?.States ?? {});
  const edges = readEdges(states);
  const start = String(definition?.StartAt ?? Object.keys(states)[0] ?? "");
  const roles = assignRoles(states, edges, start);
  const nodes = Object.entries(states).map(([name, state]) => ({
    name,
    type: String(state.Type),
    waits: state.Type === "Wait" || String(state.Resource ?? "").endsWith(".waitForTaskToken"),
    isEnd: isEnd(state),
    comment: String(state.Comment ?? ""),
    role: roles.of.get(name) ?? "handler",
  }));
  markQuiet(edges, roles.of);
  return { start, nodes, edges, spine: roles.spine };
}

/** The type of the marker at which an execution ends that does not end in a state. */
export const END = "End";

/**
 * Adds a marker to which the states with `"End": true` lead, so that the picture shows
 * that an execution ended, and did not stop there.
 *
 * @param {Record<string, any>} states
 * @returns {Record<string, any>}
 */
function withEnd(states) {
  const endings = Object.entries(states).filter(([, state]) => state.End === true);
  if (endings.length === 0) return states;
  const marker = END in states ? "End of the workflow" : END;
  const leading = endings.map(([name, state]) => [name, { ...state, End: false, Next: marker }]);
  return { ...states, ...Object.fromEntries(leading), [marker]: { Type: END } };
}

/** @param {any} state */
function isEnd(state) {
  return state.Type === END || state.Type === "Succeed" || state.Type === "Fail";
}

/** @param {Record<string, any>} states */
function readEdges(states) {
  /** @type {Map<string, GraphEdge>} */
  const edges = new Map();
  const add = (
    /** @type {string} */ from,
    /** @type {any} */ to,
    /** @type {GraphEdge["kind"]} */ kind,
    /** @type {string[]} */ errors = [],
  ) => {
    if (typeof to !== "string" || !(to in states)) return;
    const id = `${from}>${to}${kind === "catch" ? "!" : ""}`;
    const known = edges.get(id);
    if (known) known.errors.push(...errors);
    else edges.set(id, { id, from, to, kind, errors: [...errors], quiet: false });
  };
  for (const [name, state] of Object.entries(states)) {
    add(name, state.Next, "next");
    for (const choice of state.Choices ?? []) add(name, choice.Next, "choice");
    add(name, state.Default, "default");
    for (const handler of state.Catch ?? []) add(name, handler.Next, "catch", handler.ErrorEquals ?? []);
  }
  return [...edges.values()];
}

/**
 * @param {Record<string, any>} states
 * @param {GraphEdge[]} edges
 * @param {string} start
 */
function assignRoles(states, edges, start) {
  const caught = new Set(edges.filter((edge) => edge.kind === "catch").map((edge) => edge.to));
  const plain = edges.filter((edge) => edge.kind !== "catch" && edge.from !== edge.to);
  const succeeds = (/** @type {string} */ name) => isEnd(states[name]) && states[name].Type !== "Fail";
  // The spine is the shortest way from the start to a success that no failure leads to.
  const spine =
    shortestPath(plain, start, succeeds, caught) ??
    shortestPath(plain, start, succeeds, new Set()) ??
    shortestPath(plain, start, (name) => isEnd(states[name]), new Set()) ??
    [start];
  const forward = reachable(plain, spine, caught);
  const reversed = plain.map((edge) => ({ ...edge, from: edge.to, to: edge.from }));
  const returning = reachable(reversed, spine, caught);
  /** @type {Map<string, Role>} */
  const of = new Map();
  for (const [name, state] of Object.entries(states)) {
    if (spine.includes(name)) of.set(name, "spine");
    else if (isEnd(state)) of.set(name, "end");
    else if (forward.has(name) && returning.has(name)) of.set(name, "detour");
    else if (forward.has(name)) of.set(name, "branch");
    else of.set(name, "handler");
  }
  return { of, spine };
}

/**
 * @param {GraphEdge[]} edges
 * @param {string} start
 * @param {(name: string) => boolean} isGoal
 * @param {Set<string>} avoid
 * @returns {string[] | null}
 */
function shortestPath(edges, start, isGoal, avoid) {
  /** @type {Map<string, string | null>} */
  const cameFrom = new Map([[start, null]]);
  const queue = [start];
  for (let name = queue.shift(); name !== undefined; name = queue.shift()) {
    if (isGoal(name)) {
      /** @type {string[]} */
      const path = [];
      for (let at = /** @type {string | null | undefined} */ (name); at; at = cameFrom.get(at)) path.unshift(at);
      return path;
    }
    for (const edge of edges) {
      if (edge.from !== name || cameFrom.has(edge.to) || avoid.has(edge.to)) continue;
      cameFrom.set(edge.to, name);
      queue.push(edge.to);
    }
  }
  return null;
}

/**
 * @param {GraphEdge[]} edges
 * @param {string[]} from
 * @param {Set<string>} avoid
 */
function reachable(edges, from, avoid) {
  const seen = new Set(from);
  const queue = [...from];
  for (let name = queue.pop(); name !== undefined; name = queue.pop()) {
    for (const edge of edges) {
      if (edge.from !== name || seen.has(edge.to) || avoid.has(edge.to)) continue;
      seen.add(edge.to);
      queue.push(edge.to);
    }
  }
  return seen;
}

/**
 * A Catch is drawn at all times only where it says how the picture is to be read: from a
 * state of the spine to the handler of everything that is not named.
 *
 * @param {GraphEdge[]} edges
 * @param {Map<string, Role>} roles
 */
function markQuiet(edges, roles) {
  for (const edge of edges) {
    if (edge.kind !== "catch") continue;
    edge.quiet = !(roles.get(edge.from) === "spine" && edge.errors.includes("States.ALL"));
  }
}

/**
 * A state's name as words: `ProcessPayment` is "Process payment".
 *
 * @param {string} name
 */
export function words(name) {
  const split = name
    .replace(/[_-]+/g, " ")
    .replace(/([a-z])([A-Z0-9])/g, "$1 $2")
    .replace(/([0-9])([A-Z][a-z])/g, "$1 $2")
    .replace(/([A-Z]+)([A-Z][a-z])/g, "$1 $2");
  return split
    .split(" ")
    .map((word, index) => (index > 0 && /^[A-Z][a-z]/.test(word) ? word.toLowerCase() : word))
    .join(" ");
}

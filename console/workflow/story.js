// @ts-check
// What a history says about each state and each edge of a graph: pure, and the same for
// a replay, which is a history cut off after a number of visits.

import { END } from "./graph.js";

/**
 * @typedef {import("./graph.js").Graph} Graph
 * @typedef {{name: string, type?: string, enteredAt: string, exitedAt?: string | null, attempts?: number, error?: string | null}} Visit
 * @typedef {{name?: string, status?: string, states: Visit[]}} Execution oldest first
 *
 * @typedef {"idle" | "done" | "current" | "failed" | "stopped" | "undone"} StateStatus
 * @typedef {{status: StateStatus, visits: number, attempts: number, error: string, enteredAt: string, exitedAt: string}} StateStory
 * @typedef {{states: Map<string, StateStory>, edges: Map<string, number>, last: string, visits: {execution: number, visit: Visit}[]}} Story
 */

/** @param {Execution[]} executions */
export function allVisits(executions) {
  return executions.flatMap((execution, index) => execution.states.map((visit) => ({ execution: index, visit })));
}

/**
 * @param {Graph} graph
 * @param {Execution[]} executions
 * @param {{position?: number, undoes?: Record<string, string[]>}} [options] `position`: how
 *   many visits to show; `undoes`: for each compensating state, the states that it undoes
 * @returns {Story}
 */
export function readStory(graph, executions, { position, undoes = {} } = {}) {
  const every = allVisits(executions);
  const shown = every.slice(0, position ?? every.length);
  const isReplay = shown.length < every.length;
  /** @type {Story["states"]} */
  const states = new Map();
  /** @type {Story["edges"]} */
  const edges = new Map();
  let last = "";
  shown.forEach(({ execution, visit }, index) => {
    const next = every[index + 1];
    const isLast = index === shown.length - 1;
    const follows = next && next.execution === execution ? next.visit.name : undefined;
    const way = follows === undefined ? undefined : edgeTaken(graph, visit, follows);
    const known = states.get(visit.name);
    const running = (executions[execution]?.status ?? "RUNNING") === "RUNNING" && execution === executions.length - 1;
    states.set(visit.name, {
      status: statusOf(visit, way?.kind === "catch", running, isLast, isReplay),
      visits: (known?.visits ?? 0) + 1,
      attempts: visit.attempts ?? 0,
      error: visit.error ?? "",
      enteredAt: visit.enteredAt,
      exitedAt: visit.exitedAt ?? "",
    });
    if (way && !isLast) edges.set(way.id, (edges.get(way.id) ?? 0) + 1);
    for (const undone of states.get(visit.name)?.status === "done" ? undoes[visit.name] ?? [] : []) {
      const state = states.get(undone);
      if (state && state.status !== "idle") state.status = state.status === "failed" ? "failed" : "undone";
    }
    last = visit.name;
  });
  if (!isReplay && executions.at(-1)?.status === "SUCCEEDED") reachEnd(graph, states, edges, last);
  return { states, edges, last, visits: shown };
}

/**
 * Marks that the execution ended well, if no state says it.
 *
 * @param {Graph} graph
 * @param {Story["states"]} states
 * @param {Story["edges"]} edges
 * @param {string} last
 */
function reachEnd(graph, states, edges, last) {
  const marker = graph.nodes.find((node) => node.type === END)?.name ?? "";
  const way = graph.edges.find((edge) => edge.from === last && edge.to === marker);
  if (!way) return;
  const exitedAt = states.get(last)?.exitedAt ?? "";
  states.set(marker, { status: "done", visits: 1, attempts: 0, error: "", enteredAt: exitedAt, exitedAt });
  edges.set(way.id, 1);
}

/**
 * @param {Graph} graph
 * @param {Visit} visit
 * @param {string} to
 */
function edgeTaken(graph, visit, to) {
  const ways = graph.edges.filter((edge) => edge.from === visit.name && edge.to === to);
  const plain = ways.find((edge) => edge.kind !== "catch");
  const caught = ways.find((edge) => edge.kind === "catch");
  return visit.error ? caught ?? plain : plain ?? caught;
}

/**
 * @param {Visit} visit
 * @param {boolean} wasCaught
 * @param {boolean} running
 * @param {boolean} isLast
 * @param {boolean} isReplay
 * @returns {StateStatus}
 */
function statusOf(visit, wasCaught, running, isLast, isReplay) {
  if (isLast && isReplay) return "current";
  if (!visit.exitedAt && visit.type !== "Fail" && visit.type !== "Succeed") {
    if (isLast && running) return "current";
    return isLast || !visit.exitedAt ? "stopped" : "done";
  }
  return wasCaught ? "failed" : "done";
}

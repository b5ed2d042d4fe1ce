// @ts-check
// Where each state and each edge of a graph is drawn. Pure: the same graph and width give
// the same picture.
//
// The way forward is a spine. What waits is a station beside it. What handles failures is
// a lane on the other side, each handler opposite the state whose failure enters it, so
// that a chain of compensations runs back along the steps that it undoes. Ends are at the
// edge. A wide picture runs from left to right, a narrow one from top to bottom.

import { routeEdges } from "./router.js";

/**
 * @typedef {import("./graph.js").Graph} Graph
 * @typedef {{row: number, column: number}} Cell
 * @typedef {{x: number, y: number}} Point
 * @typedef {{name: string, x: number, y: number, width: number, height: number}} Box
 * @typedef {{id: string, from: string, to: string, kind: string, quiet: boolean, points: Point[]}} Line
 * @typedef {{width: number, height: number, direction: "across" | "down", isCompact: boolean, boxes: Box[], lines: Line[]}} Layout
 */

/** From this width on the picture runs from left to right. */
export const WIDE = 880;

/** Boxes below this width break names into three lines. */
const COMPACT = 136;

const SIZES = {
  across: { text: 108, wide: 172, height: 54, low: 40, track: 7, gap: 24, margin: 14, edge: 4 },
  down: { text: 84, wide: 150, height: 56, low: 52, track: 6, gap: 14, margin: 6, edge: 2 },
};

/**
 * @param {Graph} graph
 * @param {number} width
 * @param {"across" | "down"} [direction]
 * @returns {Layout}
 */
export function layOut(graph, width, direction = width >= WIDE ? "across" : "down") {
  const cells = direction === "across" ? placeAcross(graph) : placeDown(graph);
  const rows = 1 + Math.max(0, ...[...cells.values()].map((cell) => cell.row));
  const columns = 1 + Math.max(0, ...[...cells.values()].map((cell) => cell.column));
  const routes = routeEdges(graph, cells, rows, columns);
  const sizes = SIZES[direction];

  const gapOf = (/** @type {{count: number, hasQuiet: boolean}} */ tracks, /** @type {boolean} */ isEdge) => {
    const least = isEdge ? (tracks.hasQuiet ? sizes.margin : sizes.edge) : sizes.gap;
    return tracks.count === 0 ? least : Math.max(least, tracks.count * sizes.track + sizes.margin);
  };
  const columnGaps = routes.columnTracks.map((tracks, index) => gapOf(tracks, index === 0 || index === columns));
  const rowGaps = routes.rowTracks.map((tracks, index) => gapOf(tracks, index === 0 || index === rows));

  const free = width - columnGaps.reduce((sum, gap) => sum + gap, 0);
  const boxWidth = Math.max(sizes.text, Math.min(sizes.wide, Math.floor(free / columns)));
  // What is left over widens the gaps between the columns.
  const spare = Math.max(0, Math.floor((free - boxWidth * columns) / Math.max(1, columns - 1)));
  const isCompact = boxWidth < COMPACT;
  const low = isCompact ? Math.max(sizes.low, 50) : sizes.low;
  const heights = Array.from({ length: rows }, (_, row) => {
    const inRow = graph.nodes.filter((node) => cells.get(node.name)?.row === row);
    return inRow.length > 0 && inRow.every((node) => node.role === "end" || node.role === "branch") ? low : sizes.height;
  });

  const across = spread(columnGaps.map((gap, index) => gap + (index > 0 && index < columns ? spare : 0)), Array(columns).fill(boxWidth));
  const down = spread(rowGaps, heights);
  const boxes = graph.nodes.map((node) => {
    const cell = /** @type {Cell} */ (cells.get(node.name));
    return {
      name: node.name,
      x: at(across.starts, cell.column),
      y: at(down.starts, cell.row),
      width: boxWidth,
      height: at(heights, cell.row),
    };
  });
  const lines = routes.routes.map((route) => ({ ...route.edge, points: route.points(across, down, sizes.track, boxWidth, heights) }));
  return {
    width: across.total,
    height: down.total,
    direction,
    isCompact,
    boxes,
    lines: lines.map(({ id, from, to, kind, quiet, points }) => ({ id, from, to, kind, quiet, points })),
  };
}

/**
 * @template T
 * @param {T[]} list
 * @param {number} index
 * @returns {T}
 */
function at(list, index) {
  return /** @type {T} */ (list[index]);
}

/**
 * @typedef {{starts: number[], centers: number[], gapCenters: number[], gaps: number[], total: number}} Axis
 * @param {number[]} gaps
 * @param {number[]} sizes
 * @returns {Axis}
 */
function spread(gaps, sizes) {
  let position = 0;
  /** @type {Axis} */
  const axis = { starts: [], centers: [], gapCenters: [], gaps, total: 0 };
  gaps.forEach((gap, index) => {
    axis.gapCenters.push(position + gap / 2);
    position += gap;
    const size = sizes[index];
    if (size === undefined) return;
    axis.starts.push(position);
    axis.centers.push(position + size / 2);
    position += size;
  });
  axis.total = position;
  return axis;
}

/** Cells that are taken, by row and column. */
class Grid {
  constructor() {
    /** @type {Map<string, Cell>} */
    this.cells = new Map();
    /** @type {Set<string>} */
    this.taken = new Set();
  }

  /** @param {number} row @param {number} column */
  isFree(row, column) {
    return row >= 0 && column >= 0 && !this.taken.has(`${row},${column}`);
  }

  /** @param {string} name @param {number} row @param {number} column */
  put(name, row, column) {
    this.cells.set(name, { row, column });
    this.taken.add(`${row},${column}`);
  }

  /**
   * The first free of the wished places along a line, else the nearest after the first.
   *
   * @param {number[]} wishes
   * @param {(place: number) => boolean} isFree
   */
  static choose(wishes, isFree) {
    const wished = wishes.find((place) => place >= 0 && isFree(place));
    if (wished !== undefined) return wished;
    let place = Math.max(0, wishes[0] ?? 0);
    while (!isFree(place)) place += 1;
    return place;
  }
}

/**
 * @typedef {object} Lanes
 * @property {Map<string, number>} spine the place of each state along the spine
 * @property {Map<string, number>} detours
 * @property {Map<string, number>} handlers
 * @property {Map<string, number>} branches
 * @property {string[]} ends
 */

/**
 * The place of each state along the spine's direction.
 *
 * @param {Graph} graph
 * @param {boolean} branchesShareTheLane
 * @returns {Lanes}
 */
function lanes(graph, branchesShareTheLane) {
  const spine = new Map(graph.spine.map((name, index) => [name, index]));
  const named = (/** @type {string} */ role) => graph.nodes.filter((node) => node.role === role).map((node) => node.name);
  const before = (/** @type {string} */ name) =>
    graph.edges.filter((edge) => edge.to === name && edge.kind !== "catch" && edge.from !== name).map((edge) => edge.from);
  const after = (/** @type {string} */ name) =>
    graph.edges.filter((edge) => edge.from === name && edge.kind !== "catch" && edge.to !== name).map((edge) => edge.to);

  /** @type {Map<string, number>} */
  const detours = new Map();
  const placeIn = (/** @type {Map<string, number>} */ lane, /** @type {number[]} */ wishes) => {
    const taken = new Set(lane.values());
    return Grid.choose(wishes, (place) => !taken.has(place));
  };
  // A station stands beside the state before it; those that lead on choose first.
  const ways = named("detour").map((name) => {
    const from = before(name).map((other) => spine.get(other) ?? detours.get(other) ?? 0)[0] ?? 0;
    const to = after(name).map((other) => spine.get(other))[0] ?? from;
    return { name, from, to };
  });
  for (const { name, from, to } of [...ways.filter((way) => way.to > way.from), ...ways.filter((way) => way.to <= way.from)]) {
    detours.set(name, placeIn(detours, [from, to, from + 1]));
  }

  /** @type {Map<string, number>} */
  const handlers = new Map();
  /** @type {Map<string, number>} */
  const branches = new Map();
  const waiting = named("handler");
  const anchor = (/** @type {string} */ name) => {
    const catches = graph.edges.filter((edge) => edge.kind === "catch" && edge.to === name && spine.has(edge.from));
    const best = catches.find((edge) => edge.errors.includes("States.ALL")) ?? catches[0];
    return best && spine.get(best.from);
  };
  for (const name of waiting) {
    const place = anchor(name);
    if (place !== undefined) handlers.set(name, placeIn(handlers, [place]));
  }
  for (const name of named("branch")) {
    const place = before(name).map((other) => spine.get(other) ?? branches.get(other))[0] ?? 0;
    branches.set(name, placeIn(branchesShareTheLane ? handlers : branches, [place]));
    if (branchesShareTheLane) handlers.set(name, /** @type {number} */ (branches.get(name)));
  }
  // A handler that follows another stands beside it, further back if there is room.
  for (let round = 0; round < waiting.length; round += 1) {
    for (const name of waiting.filter((other) => !handlers.has(other))) {
      const place = before(name).map((other) => handlers.get(other)).find((other) => other !== undefined);
      if (place !== undefined) handlers.set(name, placeIn(handlers, [place - 1, place + 1]));
    }
  }
  for (const name of waiting.filter((other) => !handlers.has(other))) handlers.set(name, placeIn(handlers, [0]));
  if (branchesShareTheLane) for (const name of branches.keys()) handlers.delete(name);
  return { spine, detours, handlers, branches, ends: named("end") };
}

/** @param {Graph} graph */
function placeAcross(graph) {
  const { spine, detours, handlers, branches, ends } = lanes(graph, false);
  const grid = new Grid();
  let row = 0;
  const putAll = (/** @type {Map<string, number>} */ lane) => {
    if (lane.size === 0) return;
    for (const [name, place] of lane) grid.put(name, row, place);
    row += 1;
  };
  putAll(detours);
  putAll(spine);
  putAll(branches);
  putAll(handlers);
  const columns = Math.max(1, ...[...grid.cells.values()].map((cell) => cell.column + 1));
  ends.forEach((name, index) => grid.put(name, row + Math.floor(index / columns), index % columns));
  return grid.cells;
}

/** @param {Graph} graph */
function placeDown(graph) {
  const { spine, detours, handlers, branches, ends } = lanes(graph, true);
  const grid = new Grid();
  let column = 0;
  const putAll = (/** @type {Map<string, number>} */ lane) => {
    for (const [name, place] of lane) grid.put(name, place, column);
  };
  if (detours.size > 0) {
    putAll(detours);
    column += 1;
  }
  putAll(spine);
  column += 1;
  putAll(branches);
  putAll(handlers);
  const columns = Math.max(...[...grid.cells.values()].map((cell) => cell.column + 1));
  const rows = Math.max(...[...grid.cells.values()].map((cell) => cell.row + 1));
  ends.forEach((name, index) => grid.put(name, rows + Math.floor(index / columns), index % columns));
  return grid.cells;
}

// @ts-check
// The way of each edge around the boxes. Edges run only in the channels between rows and
// columns of boxes, and through cells that are empty, so that no edge crosses a box. Edges
// that would lie on each other get tracks side by side. Edges of one bundle (those of a
// Choice with many ways, and the Catches that lead to one state) may share a track: they
// are one line that forks or joins.

/**
 * @typedef {import("./graph.js").Graph} Graph
 * @typedef {import("./graph.js").GraphEdge} GraphEdge
 * @typedef {import("./layout.js").Cell} Cell
 * @typedef {import("./layout.js").Axis} Axis
 * @typedef {import("./layout.js").Point} Point
 *
 * @typedef {object} Segment a straight part of a route, on one line of the lattice
 * @property {boolean} across runs from left to right
 * @property {number} line
 * @property {number} from the lower end, in lattice units; half a unit before a cell's center at a box
 * @property {number} to
 * @property {string} bundle
 * @property {boolean} quiet
 * @property {number} turnFrom -1, 0 or 1: to which side the route goes on at the lower end
 * @property {number} turnTo
 * @property {number} track
 */

/** The costs of a way. */
const COST = { column: 9, row: 5, bend: 8, emptyCell: 2, sharedWay: 3, crossing: 4, ownBundle: 0.35, outside: 6 };
/** A Choice with this many ways is drawn as one line that forks. */
const FORK = 4;
const DIRECTIONS = /** @type {const} */ ([[0, 1], [1, 0], [0, -1], [-1, 0]]);

/**
 * A lattice has a line for each channel (even) and each row or column of boxes (odd).
 *
 * @param {Graph} graph
 * @param {Map<string, Cell>} cells
 * @param {number} rows
 * @param {number} columns
 */
export function routeEdges(graph, cells, rows, columns) {
  const lattice = new Lattice(cells, rows, columns);
  const edges = graph.edges.filter((edge) => edge.from !== edge.to);
  const bundleOf = bundles(graph, edges);
  const length = (/** @type {GraphEdge} */ edge) => {
    const [from, to] = [cells.get(edge.from), cells.get(edge.to)];
    return from && to ? Math.abs(from.row - to.row) + Math.abs(from.column - to.column) : 0;
  };
  const rank = (/** @type {GraphEdge} */ edge) => (edge.quiet ? 1000 : 0) + length(edge);
  const routes = [...edges]
    .sort((a, b) => rank(a) - rank(b))
    .map((edge) => {
      const bundle = /** @type {string} */ (bundleOf.get(edge.id));
      const path = lattice.find(edge, bundle);
      return { edge, segments: segmentsOf(path, bundle, edge.quiet) };
    });
  const all = routes.flatMap((route) => route.segments);
  assignTracks(all.filter((segment) => !segment.quiet), 0);
  assignTracks(all.filter((segment) => segment.quiet), 0.5);
  return {
    columnTracks: trackCounts(all, false, columns),
    rowTracks: trackCounts(all, true, rows),
    routes: routes.map((route) => ({
      edge: route.edge,
      points: (/** @type {Axis} */ across, /** @type {Axis} */ down, /** @type {number} */ track, /** @type {number} */ width, /** @type {number[]} */ heights) =>
        pointsOf(route.segments, across, down, track, width, heights),
    })),
  };
}

/** @param {Graph} graph @param {GraphEdge[]} edges */
function bundles(graph, edges) {
  /** @type {Map<string, string>} */
  const bundleOf = new Map();
  for (const edge of edges) {
    const ways = edges.filter((other) => other.from === edge.from && other.kind !== "catch").length;
    if (edge.kind === "catch") bundleOf.set(edge.id, `catch ${edge.to}`);
    else bundleOf.set(edge.id, ways >= FORK ? `from ${edge.from}` : edge.id);
  }
  return bundleOf;
}

/** A binary heap: the cheapest first. */
class Heap {
  constructor() {
    /** @type {{state: number, cost: number}[]} */
    this.entries = [];
  }

  /** @param {number} state @param {number} cost */
  push(state, cost) {
    const { entries } = this;
    let place = entries.length;
    entries.push({ state, cost });
    while (place > 0) {
      const parent = (place - 1) >> 1;
      if (this.costAt(parent) <= cost) break;
      this.swap(place, parent);
      place = parent;
    }
  }

  pop() {
    const { entries } = this;
    const top = entries[0];
    const last = entries.pop();
    if (!top || !last || entries.length === 0) return top;
    entries[0] = last;
    for (let place = 0; ; ) {
      let least = place;
      for (const child of [2 * place + 1, 2 * place + 2]) if (this.costAt(child) < this.costAt(least)) least = child;
      if (least === place) return top;
      this.swap(place, least);
      place = least;
    }
  }

  /** @param {number} place */
  costAt(place) {
    return this.entries[place]?.cost ?? Infinity;
  }

  /** @param {number} a @param {number} b */
  swap(a, b) {
    const [first, second] = [this.entries[a], this.entries[b]];
    if (first && second) [this.entries[a], this.entries[b]] = [second, first];
  }
}

class Lattice {
  /** @param {Map<string, Cell>} cells @param {number} rows @param {number} columns */
  constructor(cells, rows, columns) {
    this.cells = cells;
    this.height = 2 * rows + 1;
    this.width = 2 * columns + 1;
    /** @type {Set<number>} */
    this.boxes = new Set();
    for (const cell of cells.values()) this.boxes.add(this.key(2 * cell.row + 1, 2 * cell.column + 1));
    /** Which bundles use a step between two points. @type {Map<number, Set<string>>} */
    this.steps = new Map();
    /** Which bundles pass a point, by direction. @type {Map<number, Set<string>>} */
    this.passes = new Map();
  }

  /** @param {number} i @param {number} j */
  key(i, j) {
    return i * this.width + j;
  }

  /** @param {number} a @param {number} b */
  step(a, b) {
    return a < b ? a * this.width * this.height + b : b * this.width * this.height + a;
  }

  /**
   * The cheapest way: Dijkstra over points and the direction of arrival.
   *
   * @param {GraphEdge} edge
   * @param {string} bundle
   * @returns {[number, number][]}
   */
  find(edge, bundle) {
    const point = (/** @type {string} */ name) => {
      const cell = /** @type {Cell} */ (this.cells.get(name));
      return /** @type {[number, number]} */ ([2 * cell.row + 1, 2 * cell.column + 1]);
    };
    const [start, goal] = [point(edge.from), point(edge.to)];
    const goalKey = this.key(...goal);
    /** @type {Map<number, {cost: number, before: number, done: boolean}>} */
    const seen = new Map();
    const open = new Heap();
    open.push(this.key(...start) * 5 + 4, 0);
    seen.set(this.key(...start) * 5 + 4, { cost: 0, before: -1, done: false });
    let last = -1;
    for (let top = open.pop(); top !== undefined; top = open.pop()) {
      const { state, cost } = top;
      const entry = /** @type {{cost: number, before: number, done: boolean}} */ (seen.get(state));
      if (entry.done) continue;
      entry.done = true;
      const key = Math.floor(state / 5);
      const direction = state % 5;
      if (key === goalKey) {
        last = state;
        break;
      }
      const [i, j] = [Math.floor(key / this.width), key % this.width];
      DIRECTIONS.forEach(([di, dj], next) => {
        const [ni, nj] = [i + di, j + dj];
        if (ni < 0 || nj < 0 || ni >= this.height || nj >= this.width) return;
        if (direction !== 4 && (direction + 2) % 4 === next) return;
        const nextKey = this.key(ni, nj);
        if (this.boxes.has(nextKey) && nextKey !== goalKey) return;
        const nextState = nextKey * 5 + next;
        const nextCost = cost + this.cost(key, nextKey, direction, next, bundle);
        const known = seen.get(nextState);
        if (known && (known.done || known.cost <= nextCost)) return;
        seen.set(nextState, { cost: nextCost, before: state, done: false });
        open.push(nextState, nextCost);
      });
    }
    /** @type {[number, number][]} */
    const path = [];
    for (let state = last; state !== -1; state = seen.get(state)?.before ?? -1) {
      const key = Math.floor(state / 5);
      path.unshift([Math.floor(key / this.width), key % this.width]);
    }
    this.use(path, bundle);
    return path;
  }

  /**
   * @param {number} from
   * @param {number} to
   * @param {number} arrived
   * @param {number} next
   * @param {string} bundle
   */
  cost(from, to, arrived, next, bundle) {
    const isAcross = next % 2 === 0;
    const [i, j] = [Math.floor(to / this.width), to % this.width];
    const others = this.steps.get(this.step(from, to));
    const isOwn = others?.has(bundle) ?? false;
    let cost = (isAcross ? COST.column : COST.row) * (isOwn ? COST.ownBundle : 1);
    if (others) cost += COST.sharedWay * (others.size - (isOwn ? 1 : 0));
    if (arrived !== 4 && arrived !== next) cost += COST.bend * (isOwn ? 0.5 : 1);
    if (i % 2 === 1 && j % 2 === 1 && !this.boxes.has(to)) cost += COST.emptyCell;
    if (i === 0 || i === this.height - 1) cost += COST.outside;
    const crossed = this.passes.get(2 * to + (isAcross ? 1 : 0));
    if (crossed) cost += COST.crossing * (crossed.size - (crossed.has(bundle) ? 1 : 0));
    return cost;
  }

  /** @param {[number, number][]} path @param {string} bundle */
  use(path, bundle) {
    const add = (/** @type {Map<number, Set<string>>} */ users, /** @type {number} */ what) => {
      const known = users.get(what);
      if (known) known.add(bundle);
      else users.set(what, new Set([bundle]));
    };
    for (let n = 1; n < path.length; n += 1) {
      const [a, b] = /** @type {[[number, number], [number, number]]} */ ([path[n - 1], path[n]]);
      const [from, to] = [this.key(...a), this.key(...b)];
      add(this.steps, this.step(from, to));
      const isDown = a[1] === b[1] ? 1 : 0;
      for (const key of [from, to]) if (!this.boxes.has(key)) add(this.passes, 2 * key + isDown);
    }
  }
}

/**
 * @param {[number, number][]} path
 * @param {string} bundle
 * @param {boolean} quiet
 */
function segmentsOf(path, bundle, quiet) {
  /** @type {(Segment & {start: number, end: number})[]} */
  const segments = [];
  for (let n = 1; n < path.length; n += 1) {
    const [a, b] = /** @type {[[number, number], [number, number]]} */ ([path[n - 1], path[n]]);
    const across = a[0] === b[0];
    const [from, to] = across ? [a[1], b[1]] : [a[0], b[0]];
    const current = segments[segments.length - 1];
    if (current && current.across === across) current.end = to;
    else segments.push({ across, line: across ? a[0] : a[1], start: from, end: to, from: 0, to: 0, bundle, quiet, turnFrom: 0, turnTo: 0, track: 0 });
  }
  segments.forEach((segment, index) => {
    const forward = segment.end > segment.start;
    // A route begins and ends at the side of a box, not in its middle.
    const start = index === 0 ? segment.start + (forward ? 0.5 : -0.5) : segment.start;
    const end = index === segments.length - 1 ? segment.end - (forward ? 0.5 : -0.5) : segment.end;
    const sideOf = (/** @type {typeof segment | undefined} */ other, /** @type {boolean} */ isBefore) =>
      other === undefined ? 0 : Math.sign(isBefore ? other.start - other.end : other.end - other.start);
    const [turnStart, turnEnd] = [sideOf(segments[index - 1], true), sideOf(segments[index + 1], false)];
    [segment.from, segment.to] = forward ? [start, end] : [end, start];
    [segment.turnFrom, segment.turnTo] = forward ? [turnStart, turnEnd] : [turnEnd, turnStart];
  });
  return segments;
}

/**
 * Gives the segments that lie on each other tracks side by side, in the order that makes
 * them cross least.
 *
 * @param {Segment[]} segments
 * @param {number} shift
 */
function assignTracks(segments, shift) {
  /** @type {Map<string, Segment[]>} */
  const lines = new Map();
  for (const segment of segments) {
    const key = `${segment.across ? "-" : "|"}${segment.line}`;
    lines.set(key, [...(lines.get(key) ?? []), segment]);
  }
  for (const onLine of lines.values()) {
    for (const group of overlapping(onLine)) arrange(group, shift);
  }
}

/** @param {Segment} a @param {Segment} b */
function overlap(a, b) {
  return a.from < b.to && b.from < a.to;
}

/** @param {Segment[]} segments */
function overlapping(segments) {
  const sorted = [...segments].sort((a, b) => a.from - b.from || a.to - b.to);
  /** @type {Segment[][]} */
  const groups = [];
  let reach = -1;
  for (const segment of sorted) {
    const group = groups[groups.length - 1];
    // Segments that only touch at a corner are kept apart too: the corners would meet.
    if (group && segment.from <= reach && !(segment.from === reach && segment.from % 1 !== 0)) group.push(segment);
    else groups.push([segment]);
    reach = groups[groups.length - 1]?.length === 1 ? segment.to : Math.max(reach, segment.to);
  }
  return groups;
}

/** @param {Segment[]} group @param {number} shift */
function arrange(group, shift) {
  const names = [...new Set(group.map((segment) => segment.bundle))];
  if (names.length === 1 && shift === 0) return;
  const members = names.map((name) => group.filter((segment) => segment.bundle === name));
  // How often a crosses b when a lies before b (above it, or to its left).
  const crossings = (/** @type {Segment[]} */ first, /** @type {Segment[]} */ second) => {
    let count = 0;
    for (const a of first) {
      for (const b of second) {
        const inside = (/** @type {number} */ at, /** @type {Segment} */ other) => at >= other.from && at <= other.to;
        if (inside(a.from, b) && a.turnFrom > 0) count += 1;
        if (inside(a.to, b) && a.turnTo > 0) count += 1;
        if (inside(b.from, a) && b.turnFrom < 0) count += 1;
        if (inside(b.to, a) && b.turnTo < 0) count += 1;
      }
    }
    return count;
  };
  const order = members.map((_, index) => index);
  // Exchange neighbors until none crosses less the other way round.
  for (let round = 0; round < order.length; round += 1) {
    for (let n = 1; n < order.length; n += 1) {
      const [a, b] = /** @type {[Segment[], Segment[]]} */ ([members[order[n - 1] ?? 0], members[order[n] ?? 0]]);
      if (crossings(b, a) < crossings(a, b)) [order[n - 1], order[n]] = [/** @type {number} */ (order[n]), /** @type {number} */ (order[n - 1])];
    }
  }
  order.forEach((index, place) => {
    for (const segment of members[index] ?? []) segment.track = place - (order.length - 1) / 2 + shift;
  });
}

/** @param {Segment[]} segments @param {boolean} across @param {number} cells */
function trackCounts(segments, across, cells) {
  return Array.from({ length: cells + 1 }, (_, index) => {
    const inChannel = segments.filter((segment) => segment.across === across && segment.line === 2 * index);
    const tracks = inChannel.filter((segment) => !segment.quiet).map((segment) => segment.track);
    // The outermost track counts on both sides: the tracks lie around the channel's middle.
    const count = tracks.length === 0 ? 0 : Math.ceil(2 * Math.max(...tracks.map(Math.abs))) + 1;
    return { count, hasQuiet: inChannel.length > tracks.length };
  });
}

/**
 * @param {Segment[]} routeSegments
 * @param {Axis} across
 * @param {Axis} down
 * @param {number} spacing
 * @param {number} width
 * @param {number[]} heights
 * @returns {Point[]}
 */
function pointsOf(routeSegments, across, down, spacing, width, heights) {
  const segments = /** @type {(Segment & {start: number, end: number})[]} */ (routeSegments);
  const coordinate = (/** @type {Segment} */ segment) => {
    const axis = segment.across ? down : across;
    const index = Math.floor(segment.line / 2);
    const base = (segment.line % 2 === 0 ? axis.gapCenters[index] : axis.centers[index]) ?? 0;
    // Quiet edges get no separate room in a channel: there they may lie on each other.
    const room = Math.max(0, (axis.gaps[index] ?? 0) / 2 - 1.5);
    if (segment.line % 2 === 0) return base + Math.max(-room, Math.min(room, segment.track * spacing));
    // At a box the tracks stay on its side.
    const half = (segment.across ? heights[index] ?? 0 : width) / 2 - 7;
    return base + Math.max(-half, Math.min(half, segment.track * spacing));
  };
  const side = (/** @type {Segment & {start: number, end: number}} */ segment, /** @type {number} */ place, /** @type {number} */ outward) => {
    const axis = segment.across ? across : down;
    const index = Math.floor(place / 2);
    const size = segment.across ? width : heights[index] ?? 0;
    return (axis.starts[index] ?? 0) + (outward > 0 ? size : 0);
  };
  const [first, last] = [segments[0], segments[segments.length - 1]];
  if (!first || !last) return [];
  /** @type {Point[]} */
  const points = [];
  const add = (/** @type {Segment} */ segment, /** @type {number} */ along) =>
    points.push(segment.across ? { x: along, y: coordinate(segment) } : { x: coordinate(segment), y: along });
  add(first, side(first, first.start, first.end - first.start));
  for (let n = 1; n < segments.length; n += 1) {
    const [before, after] = /** @type {[Segment, Segment]} */ ([segments[n - 1], segments[n]]);
    add(before, coordinate(after));
  }
  add(last, side(last, last.end, last.start - last.end));
  return points;
}

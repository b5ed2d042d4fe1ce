// The picture of a state machine, checked on its geometry: ours, ours as it will grow, and
// random ones.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";

import { readGraph, words } from "../workflow/graph.js";
import { layOut } from "../workflow/layout.js";
import { readStory } from "../workflow/story.js";

const definition = JSON.parse(readFileSync(new URL("../../statemachine.asl.json", import.meta.url), "utf8"));
const WIDTHS = [320, 344, 600, 880, 1040, 1400, 1900];

/** Ours with a wait that leads back to the payment, and operator paths to more states. */
function grown() {
  const copy = structuredClone(definition);
  const { States } = copy;
  States.AwaitAuthentication = { ...States.AwaitReview, Next: "ProcessPayment" };
  States.ReviewRequired.Choices.unshift({ Variable: "$.a", BooleanEquals: true, Next: "AwaitAuthentication" });
  States.OperatorDecision.Choices.push({ Variable: "$.b", BooleanEquals: true, Next: "ProcessPayment" });
  for (const name of ["ProcessPayment", "InitiateShipping"]) States[name].Catch.unshift({ ErrorEquals: ["Misconfigured"], Next: "AwaitOperator" });
  return copy;
}

/** A state machine from a seed, with loops, handlers and ends. */
function random(seed) {
  let state = seed * 2654435761 + 12345;
  const below = (limit) => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
  const names = Array.from({ length: 3 + below(22) }, (_, index) => `State${index}`);
  const any = () => names[below(names.length)];
  const States = Object.fromEntries(names.map((name, index) => {
    const next = below(3) === 0 ? any() : names[index + 1];
    const kind = below(5);
    if (index === names.length - 1) return [name, { Type: "Succeed" }];
    if (kind === 0) return [name, { Type: "Choice", Choices: Array.from({ length: 1 + below(5) }, () => ({ Next: any() })), Default: next ?? any() }];
    if (kind === 1 && index > 2) return [name, { Type: "Fail" }];
    const way = below(6) === 0 ? { End: true } : { Next: next };
    const handlers = Array.from({ length: below(3) }, () => ({ ErrorEquals: [below(2) ? "States.ALL" : "Custom"], Next: any() }));
    return [name, { Type: "Task", ...way, Catch: handlers }];
  }));
  return { StartAt: "State0", States };
}

function check(what, source, width) {
  const graph = readGraph(source);
  const layout = layOut(graph, width);
  const where = `${what} at ${width}`;
  assert.deepEqual(layout.boxes.map((box) => box.name), graph.nodes.map((node) => node.name), where);
  for (const [index, a] of layout.boxes.entries()) {
    assert.ok(a.x >= 0 && a.y >= 0 && a.x + a.width <= layout.width + 0.01 && a.y + a.height <= layout.height + 0.01, `${where}: ${a.name} is outside`);
    for (const b of layout.boxes.slice(index + 1)) {
      const apart = a.x + a.width <= b.x || b.x + b.width <= a.x || a.y + a.height <= b.y || b.y + b.height <= a.y;
      assert.ok(apart, `${where}: ${a.name} overlaps ${b.name}`);
    }
  }
  const box = (name) => layout.boxes.find((other) => other.name === name);
  for (const line of layout.lines) {
    assert.ok(line.points.length >= 2, `${where}: ${line.id} is not drawn`);
    assert.ok(isOnSide(line.points[0], box(line.from)), `${where}: ${line.id} does not begin at its box`);
    assert.ok(isOnSide(line.points.at(-1), box(line.to)), `${where}: ${line.id} does not end at its box`);
    for (let n = 1; n < line.points.length; n += 1) {
      const [a, b] = [line.points[n - 1], line.points[n]];
      assert.ok(Math.abs(a.x - b.x) < 0.01 || Math.abs(a.y - b.y) < 0.01, `${where}: ${line.id} is slanted`);
      for (const other of layout.boxes) assert.ok(!crosses(a, b, other), `${where}: ${line.id} crosses ${other.name}`);
    }
  }
  return { graph, layout };
}

function isOnSide(point, box) {
  const inX = point.x >= box.x - 0.01 && point.x <= box.x + box.width + 0.01;
  const inY = point.y >= box.y - 0.01 && point.y <= box.y + box.height + 0.01;
  const near = (a, b) => Math.abs(a - b) < 0.01;
  return (inX && (near(point.y, box.y) || near(point.y, box.y + box.height))) || (inY && (near(point.x, box.x) || near(point.x, box.x + box.width)));
}

function crosses(a, b, box) {
  const inset = 0.5;
  return Math.max(a.x, b.x) > box.x + inset && Math.min(a.x, b.x) < box.x + box.width - inset && Math.max(a.y, b.y) > box.y + inset && Math.min(a.y, b.y) < box.y + box.height - inset;
}

test("the order workflow has no overlapping boxes and no edge through a box at any width", () => {
  for (const width of WIDTHS) check("the order workflow", definition, width);
});

test("it stays so when the workflow grows", () => {
  for (const width of WIDTHS) check("the grown workflow", grown(), width);
});

test("it holds for random state machines", () => {
  for (let seed = 1; seed <= 150; seed += 1) {
    check(`seed ${seed}`, random(seed), 1400);
    check(`seed ${seed}`, random(seed), 344);
  }
});

test("the whole order workflow fits a screen of 1440 by 900 with room for the rows", () => {
  const { layout } = check("the order workflow", definition, 1340);
  assert.ok(layout.width <= 1340 && layout.height <= 400, `${layout.width} × ${layout.height}`);
  assert.ok(!layout.isCompact);
});

test("on a phone it needs no sideways scrolling", () => {
  const { layout } = check("the order workflow", definition, 344);
  assert.ok(layout.width <= 344, String(layout.width));
});

test("the spine is the way of an order that meets no trouble", () => {
  const graph = readGraph(definition);
  assert.deepEqual(graph.spine, ["ScheduledForLater", "ProcessPayment", "ReviewRequired", "CheckInventory", "InventoryCheckPassed", "InitiateShipping", "CapturePayment", "End"]);
  const role = (wanted) => graph.nodes.filter((node) => node.role === wanted).map((node) => node.name);
  assert.deepEqual(role("detour"), ["WaitUntilScheduled", "AwaitReview", "AwaitRestock"]);
  assert.deepEqual(role("branch"), ["OutOfStock"]);
});

test("each compensating state stands opposite the step that it undoes", () => {
  const { layout } = check("the order workflow", definition, 1400);
  const box = (name) => layout.boxes.find((other) => other.name === name);
  for (const [step, undone] of [["ProcessPayment", "CancelPayment"], ["CheckInventory", "ReleaseInventory"], ["InitiateShipping", "CancelShipment"]]) {
    assert.equal(box(step).x, box(undone).x, step);
    assert.ok(box(undone).y > box(step).y, step);
  }
});

test("visible edges lie on each other only where they fork or join", () => {
  for (const width of [344, 1400]) {
    const { layout } = check("the order workflow", definition, width);
    const lines = layout.lines.filter((line) => !line.quiet);
    for (const [index, a] of lines.entries()) {
      for (const b of lines.slice(index + 1)) {
        if (a.from === b.from || a.to === b.to) continue;
        assert.equal(shared(a.points, b.points), 0, `${a.id} lies on ${b.id} at ${width}`);
      }
    }
  }
});

function shared(a, b) {
  let length = 0;
  for (let i = 1; i < a.length; i += 1) {
    for (let j = 1; j < b.length; j += 1) {
      for (const [along, aside] of [["x", "y"], ["y", "x"]]) {
        const line = [a[i - 1][aside], a[i][aside], b[j - 1][aside], b[j][aside]];
        if (Math.max(...line) - Math.min(...line) > 1) continue;
        const [a1, a2] = [a[i - 1][along], a[i][along]].sort((p, q) => p - q);
        const [b1, b2] = [b[j - 1][along], b[j][along]].sort((p, q) => p - q);
        length += Math.max(0, Math.min(a2, b2) - Math.max(a1, b1));
      }
    }
  }
  return length;
}

test("the same definition gives the same picture", () => {
  const draw = () => JSON.stringify(layOut(readGraph(definition), 1400));
  assert.equal(draw(), draw());
});

test("names become words", () => {
  assert.equal(words("ProcessPayment"), "Process payment");
  assert.equal(words("WaitFor3DS"), "Wait for 3DS");
  assert.equal(words("send_email"), "send email");
});

const UNDOES = { CancelPayment: ["ProcessPayment"], ReleaseInventory: ["CheckInventory"] };
const visit = (name, type, more = {}) => ({ name, type, enteredAt: "2026-11-28T10:00:00Z", exitedAt: "2026-11-28T10:00:01Z", attempts: 1, ...more });
const failed = [{
  status: "FAILED",
  states: [
    visit("ProcessPayment", "Task"), visit("ReviewRequired", "Choice"), visit("CheckInventory", "Task", { attempts: 3, error: "StockContended" }),
    visit("ReleaseInventory", "Task"), visit("CancelPayment", "Task"), visit("FailureOutcome", "Choice"), visit("InventoryFailureHandler", "Fail", { exitedAt: undefined }),
  ],
}];

test("a history shows what failed, what was undone, and the edges that were taken", () => {
  const story = readStory(readGraph(definition), failed, { undoes: UNDOES });
  const status = (name) => story.states.get(name)?.status;
  assert.equal(status("ProcessPayment"), "undone");
  assert.equal(status("CheckInventory"), "failed");
  assert.equal(story.states.get("CheckInventory").attempts, 3);
  assert.equal(status("InventoryFailureHandler"), "done");
  assert.equal(status("CapturePayment"), undefined);
  assert.deepEqual([...story.edges.keys()], [
    "ProcessPayment>ReviewRequired", "ReviewRequired>CheckInventory", "CheckInventory>ReleaseInventory!",
    "ReleaseInventory>CancelPayment", "CancelPayment>FailureOutcome", "FailureOutcome>InventoryFailureHandler",
  ]);
});

test("a replay shows the history up to its position, and where the execution was then", () => {
  const story = readStory(readGraph(definition), failed, { position: 2, undoes: UNDOES });
  assert.equal(story.states.get("ProcessPayment").status, "done");
  assert.equal(story.states.get("ReviewRequired").status, "current");
  assert.deepEqual([...story.edges.keys()], ["ProcessPayment>ReviewRequired"]);
});

test("an execution that succeeded is shown as ended, and one that goes on or failed is not", () => {
  const ways = ["ScheduledForLater", "ProcessPayment", "CapturePayment"].map((name) => visit(name, "Task"));
  const check = (status, position, reached) => {
    const story = readStory(readGraph(definition), [{ status, states: ways }], { position });
    assert.equal(story.states.get("End")?.status, reached ? "done" : undefined, status);
    assert.equal(story.edges.has("CapturePayment>End"), reached, status);
  };
  check("SUCCEEDED", undefined, true);
  check("SUCCEEDED", 2, false);
  check("RUNNING", undefined, false);
  check("ABORTED", undefined, false);
});

test("a workflow that has a state named End keeps it", () => {
  const States = { End: { Type: "Task", Next: "Last" }, Last: { Type: "Task", End: true } };
  assert.deepEqual(readGraph({ StartAt: "End", States }).spine, ["End", "Last", "End of the workflow"]);
});

test("executions that were started again are one story", () => {
  const stopped = { status: "ABORTED", states: [visit("ProcessPayment", "Task"), visit("ReviewRequired", "Choice"), visit("CheckInventory", "Task", { exitedAt: undefined })] };
  const again = { status: "RUNNING", states: [visit("ProcessPayment", "Task"), visit("ReviewRequired", "Choice", { exitedAt: undefined })] };
  const first = readStory(readGraph(definition), [stopped]);
  assert.equal(first.states.get("CheckInventory").status, "stopped");
  const story = readStory(readGraph(definition), [stopped, again]);
  assert.equal(story.states.get("ProcessPayment").visits, 2);
  assert.equal(story.states.get("ReviewRequired").status, "current");
  assert.ok(!story.edges.has("CheckInventory>ProcessPayment"));
});

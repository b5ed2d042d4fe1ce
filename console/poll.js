// @ts-check
// Reading again: every 1.5 seconds while the page is looked at, seldom while it is
// hidden or left alone, at once after an action or on return.

import { ApiError } from "./api.js";

export const INTERVALS = { active: 1_500, idle: 15_000, hidden: 60_000 };
/** Without input for so long the page counts as left alone. */
const IDLE_AFTER = 5 * 60_000;
const MAX_BACKOFF = 30_000;

let lastInput = Date.now();
for (const name of ["pointerdown", "pointermove", "keydown", "wheel", "touchstart"]) {
  addEventListener(name, () => {
    const wasIdle = Date.now() - lastInput > IDLE_AFTER;
    lastInput = Date.now();
    if (wasIdle) pollNow();
  }, { passive: true, capture: true });
}
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) pollNow();
});
addEventListener("online", () => pollNow());

/** @type {Set<() => void>} */
const pollers = new Set();

/** Reads everything again, now. */
export function pollNow() {
  for (const wake of pollers) wake();
}

function interval() {
  if (document.hidden) return INTERVALS.hidden;
  return Date.now() - lastInput > IDLE_AFTER ? INTERVALS.idle : INTERVALS.active;
}

/**
 * The interval is from one read's start to the next one's. A slow server gets a rest of at
 * least half the interval.
 *
 * @param {number} period
 * @param {number} taken
 */
function pause(period, taken) {
  return Math.max(period - taken, period / 2);
}

/**
 * Calls `read` again and again, never twice at once. An error makes it wait longer.
 *
 * @param {(signal: AbortSignal) => Promise<void>} read
 * @param {{slower?: () => number}} [options] `slower`: a factor on the interval
 */
export function poll(read, { slower = () => 1 } = {}) {
  const abort = new AbortController();
  let timer = 0;
  let failures = 0;
  let running = false;
  let again = false;
  const run = async () => {
    if (abort.signal.aborted) return;
    if (running) {
      again = true;
      return;
    }
    clearTimeout(timer);
    running = true;
    again = false;
    const begun = performance.now();
    try {
      await read(abort.signal);
      failures = 0;
    } catch (error) {
      failures += 1;
      // An answer of the API is shown by the view; anything else is a fault of the page.
      if (!abort.signal.aborted && !(error instanceof ApiError)) reportError(error);
    }
    running = false;
    if (abort.signal.aborted) return;
    const wait = failures > 0 ? Math.min(MAX_BACKOFF, INTERVALS.active * 2 ** Math.min(failures, 5)) : pause(interval() * slower(), performance.now() - begun);
    timer = setTimeout(run, again ? 0 : wait);
  };
  const wake = () => void run();
  pollers.add(wake);
  wake();
  return {
    now: wake,
    stop() {
      pollers.delete(wake);
      clearTimeout(timer);
      abort.abort();
    },
  };
}

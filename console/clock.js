// @ts-check
// The server's clock. Locally it runs ahead of the wall clock (skipped waits), so ages and
// countdowns count from what the server last said.

let offset = 0;

/** @param {string | undefined | null} serverTime */
export function setServerTime(serverTime) {
  const at = Date.parse(serverTime ?? "");
  if (Number.isNaN(at)) return;
  const measured = at - Date.now();
  // Under 2 seconds is the way of the answer, not another clock.
  if (Math.abs(measured - offset) > 2000) offset = Math.abs(measured) > 2000 ? measured : 0;
}

/** Milliseconds since 1970 on the server's clock. */
export function now() {
  return Date.now() + offset;
}

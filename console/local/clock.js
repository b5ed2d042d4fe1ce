// @ts-check
// The stack's clock: the time, how fast it runs, and whether waiting is skipped.

import { make, section, setAttribute, setText } from "./dom.js";

/** @import { ClockState, LocalApi } from "./local_api.js" */

/** @type {[number, string][]} */
const SPEEDS = [
  [1, "Real time"],
  [60, "A minute a second"],
  [3600, "An hour a second"],
  [86400, "A day a second"],
];

/**
 * @param {LocalApi} api
 * @param {ClockState} first
 * @param {{ onError: (error: unknown) => void }} options
 * @returns {{ element: HTMLElement, update: (clock: ClockState) => void }}
 */
export function clockSection(api, first, options) {
  const time = make("time", { class: "mono" });
  /** @param {{ speed?: number, skip?: boolean }} rate */
  const change = async (rate) => {
    try {
      update(await api.send("POST", "clock", rate));
    } catch (error) {
      options.onError(error);
    }
  };
  const buttons = SPEEDS.map(([speed, title]) => ({
    speed,
    element: make("button", { class: "button button-small", type: "button", onclick: () => change({ speed }) }, title),
  }));
  const skip = make("input", { type: "checkbox", onchange: () => change({ skip: skip.checked }) });

  /** @param {ClockState} clock */
  function update(clock) {
    setAttribute(time, "datetime", clock.now);
    setText(time, new Date(clock.now).toLocaleString());
    for (const { speed, element } of buttons) setAttribute(element, "aria-pressed", String(speed === clock.speed));
    if (skip.checked !== clock.skip) skip.checked = clock.skip;
  }

  update(first);
  const speeds = make("div", { class: "row", role: "group", "aria-label": "Speed of the clock" }, ...buttons.map((button) => button.element));
  const skipLabel = make("label", { class: "check" }, skip, make("span", {}, "Skip waiting: when nothing happens, jump to the next deadline, retry or schedule"));
  return { element: section("Clock", [time], [speeds, skipLabel]), update };
}

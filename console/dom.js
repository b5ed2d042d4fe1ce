// @ts-check
// Elements without markup: every text is a text node, so data never becomes markup.

/**
 * @typedef {Node | string | number | null | undefined | false} Child
 */

/**
 * Makes an element. `class`, `text`, `on…` and properties of the element are understood;
 * everything else is an attribute.
 *
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Record<string, any>} [properties]
 * @param {...(Child | Child[])} children
 * @returns {HTMLElementTagNameMap[T]}
 */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "class") element.className = value;
    else if (name === "text") element.textContent = String(value);
    else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else element.setAttribute(name, String(value));
  }
  append(element, children);
  return element;
}

/**
 * @param {Element} element
 * @param {(Child | Child[])[]} children
 */
export function append(element, children) {
  for (const child of children.flat()) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child instanceof Node ? child : String(child));
  }
}

/** Text above this length is cut after some lines, and has a title. */
const LONG = 140;
const MAX_TITLE = 2000;

/**
 * Text that others wrote, isolated from the direction of the text around it.
 *
 * @param {string} [text]
 * @param {string} [className]
 */
export function data(text = "", className = "") {
  const isLong = text.length > LONG;
  const element = h("bdi", { class: `${className}${isLong ? " clamp" : ""}`.trim() || null, title: isLong ? text.slice(0, MAX_TITLE) : null });
  setText(element, text);
  return element;
}

/**
 * Sets a text only if it differs. Control characters are shown as their pictures, so
 * that none is invisible.
 *
 * @param {Element} element
 * @param {string | number} text
 */
export function setText(element, text) {
  const shown = visible(String(text));
  if (element.textContent !== shown) element.textContent = shown;
}

/** @param {string} text */
export function visible(text) {
  return text.replace(/[\u0000-\u001f\u007f]/g, (character) => {
    const code = character.charCodeAt(0);
    return String.fromCharCode(code === 0x7f ? 0x2421 : 0x2400 + code);
  });
}

/**
 * @param {Element} element
 * @param {Record<string, string | boolean | undefined | null>} attributes
 */
export function setAttributes(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) element.removeAttribute(name);
    else if (element.getAttribute(name) !== String(value === true ? "" : value)) {
      element.setAttribute(name, value === true ? "" : String(value));
    }
  }
}

/**
 * Keeps the children of an element equal to a list: an item that stays keeps its element,
 * so nothing loses focus or jumps.
 *
 * @template T
 * @param {Element} container
 * @param {(item: T) => string} keyOf
 * @param {(item: T) => {element: Element, update?: (item: T) => void}} create
 */
export function keyed(container, keyOf, create) {
  /** @type {Map<string, {element: Element, update?: (item: T) => void}>} */
  let shown = new Map();
  return {
    /** @param {T[]} items */
    update(items) {
      /** @type {typeof shown} */
      const next = new Map();
      for (const item of items) {
        const key = keyOf(item);
        if (next.has(key)) continue;
        const row = shown.get(key) ?? create(item);
        row.update?.(item);
        next.set(key, row);
      }
      for (const [key, row] of shown) if (!next.has(key)) row.element.remove();
      let before = container.firstElementChild;
      for (const row of next.values()) {
        if (row.element === before) before = before.nextElementSibling;
        else container.insertBefore(row.element, before);
      }
      shown = next;
    },
    clear() {
      for (const row of shown.values()) row.element.remove();
      shown = new Map();
    },
  };
}

/**
 * Replaces the children only when `key` has changed since the last call.
 *
 * @param {HTMLElement} container
 * @param {string} key
 * @param {() => (Child | Child[])[]} make
 */
export function replaceWhen(container, key, make) {
  if (container.dataset["key"] === key) return;
  container.dataset["key"] = key;
  const parts = make();
  container.replaceChildren();
  append(container, parts);
}

/**
 * @param {string} path
 * @param {number} [size]
 */
export function icon(path, size = 16) {
  const namespace = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(namespace, "svg");
  const attributes = { viewBox: "0 0 16 16", width: size, height: size, "aria-hidden": "true", fill: "none", stroke: "currentColor", "stroke-width": 1.5, "stroke-linecap": "round", "stroke-linejoin": "round" };
  for (const [name, value] of Object.entries(attributes)) svg.setAttribute(name, String(value));
  const drawing = document.createElementNS(namespace, "path");
  drawing.setAttribute("d", path);
  svg.append(drawing);
  return svg;
}

export const ICONS = {
  sun: "M8 5.2a2.8 2.8 0 1 1 0 5.6 2.8 2.8 0 0 1 0-5.6zM8 1.5v1.3M8 13.2v1.3M1.5 8h1.3M13.2 8h1.3M3.4 3.4l.9.9M11.7 11.7l.9.9M3.4 12.6l.9-.9M11.7 4.3l.9-.9",
  copy: "M6 6h7v7H6zM10 6V3H3v7h3",
  play: "M5 3.5v9l7-4.5z",
  pause: "M5.5 3.5v9M10.5 3.5v9",
  back: "M10 3 5 8l5 5",
  out: "M6 3H3v10h3M7 8h6M10.5 5.5 13 8l-2.5 2.5",
};

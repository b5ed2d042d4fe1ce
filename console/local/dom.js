// @ts-check
// Elements without markup in strings: the content of an order is always text.

/**
 * Makes an element. Properties that begin with `on` are listeners, `class` and `aria-…`
 * are attributes, everything else is a property.
 *
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Record<string, any>} [properties]
 * @param {...(Node | string)} children
 * @returns {HTMLElementTagNameMap[T]}
 */
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null) continue;
    if (name.startsWith("on")) {
      element.addEventListener(name.slice(2), value);
    } else if (name === "class" || name === "for" || name.includes("-")) {
      element.setAttribute(name, String(value));
    } else {
      Reflect.set(element, name, value);
    }
  }
  element.append(...children);
  return element;
}

/**
 * Writes a text only if it differs, so that a screen reader is not told again.
 *
 * @param {Element} element
 * @param {string} text
 */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/**
 * Sets or removes an attribute, only if it differs.
 *
 * @param {Element} element
 * @param {string} name
 * @param {string | null} value
 */
export function setAttribute(element, name, value) {
  if (element.getAttribute(name) === value) return;
  if (value === null) element.removeAttribute(name);
  else element.setAttribute(name, value);
}

let ids = 0;

/**
 * A new id, for labels and descriptions.
 *
 * @param {string} prefix
 */
export function newId(prefix) {
  ids += 1;
  return `${prefix}-${ids}`;
}

/**
 * A panel with a heading.
 *
 * @param {string} title
 * @param {Node[]} aside
 * @param {Node[]} body
 */
export function section(title, aside, body) {
  const id = newId("local");
  return make(
    "section",
    { class: "panel local-section", "aria-labelledby": id },
    make("div", { class: "panel-head" }, make("h2", { id }, title), make("div", { class: "row" }, ...aside)),
    make("div", { class: "panel-body" }, ...body),
  );
}

/** Make elements in code; outside data becomes text, never markup. */

/**
 * @param {string} tag
 * @param {Record<string, any>} attributes null, undefined and false leave an attribute out; `onclick` and the like are
 *   functions
 * @param {...(Node|string|null|undefined|false)} children strings become text
 */
export function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else set(node, name, value);
  }
  const there = children.filter((child) => child !== null && child !== undefined && child !== false);
  node.append(...there.map((child) => (typeof child === "string" ? visible(child) : child)));
  return node;
}

/** Show what would turn the direction of text unseen: a file called `photo<U+202E>gpj.exe` reads as `photoexe.jpg`. */
export function visible(text) {
  return String(text).replace(/[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, (character) => {
    return `\u27e8U+${character.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}\u27e9`;
  });
}

/** Set or remove an attribute. */
export function set(node, name, value) {
  if (value === null || value === undefined || value === false) node.removeAttribute(name);
  else node.setAttribute(name, value === true ? "" : String(value));
}

/** Set a node's text if it differs, so that screen readers do not repeat it. */
export function setText(node, text) {
  const shown = visible(text);
  if (node.textContent !== shown) node.textContent = shown;
}

/** Replace a node's children unless they are equal, so that a focused link keeps its focus. */
export function fill(node, ...children) {
  const next = make("div", {}, ...children);
  const same = next.childNodes.length === node.childNodes.length;
  if (same && [...next.childNodes].every((child, at) => child.isEqualNode(node.childNodes[at]))) return;
  node.replaceChildren(...next.childNodes);
}

/** Find an element of the page's template. */
export function byId(id) {
  return document.getElementById(id);
}

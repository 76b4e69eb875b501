/** Presets: named options of the form, kept in this browser. */

const KEPT = "batch.presets";
const LAST = "batch.last";

/** @returns {Record<string, Record<string, string>>} by name */
export function presets() {
  return read(KEPT) ?? {};
}

/** Keep the form's options under a name. */
export function keepPreset(name) {
  write(KEPT, { ...presets(), [name]: stated() });
}

export function dropPreset(name) {
  const { [name]: _, ...others } = presets();
  write(KEPT, others);
}

/** Set the form to a preset's options; what it does not state becomes empty. */
export function applyPreset(name) {
  apply(presets()[name] ?? {});
}

/** Keep the form as it is, for the next visit. */
export function keepLast() {
  write(LAST, stated());
}

/** Set the form as it was last. */
export function recallLast() {
  const last = read(LAST);
  if (last) apply(last);
}

/** All stated options by name, of whatever media they are for. */
function stated() {
  const found = { "media-type": document.querySelector('input[name="media-type"]:checked').value };
  for (const field of fields()) {
    const value = field.type === "checkbox" ? (field.checked ? "1" : "") : field.value.trim();
    if (value) found[field.dataset.option] = value;
  }
  return found;
}

function apply(options) {
  for (const radio of document.querySelectorAll('input[name="media-type"]')) {
    if (options["media-type"]) radio.checked = radio.value === options["media-type"];
  }
  for (const field of fields()) {
    const value = options[field.dataset.option] ?? "";
    if (field.type === "checkbox") field.checked = value === "1";
    else field.value = value;
  }
}

function fields() {
  return document.querySelectorAll("[data-option]");
}

function read(key) {
  try {
    const kept = JSON.parse(localStorage.getItem(key) ?? "null");
    return kept && typeof kept === "object" ? kept : null;
  } catch {
    return null;
  }
}

function write(key, value) {
  try {
    localStorage.setItem(key, JSON.stringify(value));
  } catch {
    // Storage is full or forbidden: the presets are lost with the page.
  }
}

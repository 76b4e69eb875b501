/**
 * Texts, numbers and times in the page's language.
 *
 *   import { fixed, t, tn } from "./texts.js";
 *   t("Remove {name}", { name })                      // the text itself is English, and the key of its translation
 *   tn("{count} face", "{count} faces", faces.length)
 *   fixed(intensity, 2)                               // "1.35", or "1,35" in German
 *
 * `python -m infra.texts` finds texts only where they are literals.
 */

const { texts = {}, errors = {}, whole: saysAll = [], advice = {} } = globalThis.pageTexts ?? {};

const LANGUAGE = document.documentElement.lang;

/** The page's language as the browser's reader writes numbers and dates: `de-CH` for a German page where it is listed. */
export const LOCALE = navigator.languages.find((tag) => tag === LANGUAGE || tag.split("-")[0] === LANGUAGE.split("-")[0]) ?? LANGUAGE;

const PLURALS = new Intl.PluralRules(LANGUAGE);
const formats = new Map();

/**
 * Translate a text.
 *
 * @param {string} text English
 * @param {Record<string, string|number>} values of its placeholders `{name}`; numbers are formatted
 */
export function t(text, values = {}) {
  return filled(texts[text] ?? text, values);
}

/** Translate a text that depends on a count, which `{count}` shows. */
export function tn(one, many, count, values = {}) {
  // Languages of at most two forms: the first for PluralRules' "one", the last for all else.
  const forms = texts[one] ?? [one, many];
  return filled(PLURALS.select(count) === "one" ? forms[0] : forms.at(-1), { count, ...values });
}

/** Translate a text with nodes as values into children for `make`. */
export function tNodes(text, nodes) {
  return (texts[text] ?? text).split(/\{(\w+)\}/).map((part, at) => (at % 2 ? nodes[part] : part));
}

/**
 * A problem in the page's language: its code's sentence, and the API's English detail where that says more.
 *
 * @param {string} code
 * @param {string} detail a sentence; alone in English and for codes without a sentence
 */
export function errorText(code, detail) {
  if (!errors[code] || saysAll.includes(code)) return errors[code] ?? detail;
  return `${errors[code]} (${detail})`;
}

/** What to do about a job's error, in the page's language by its code; the API's English where there is none. */
export function adviceText(code, english) {
  return advice[code] ?? english;
}

/** A number with a fixed number of decimals. */
export function fixed(value, digits) {
  return format({ minimumFractionDigits: digits, maximumFractionDigits: digits, useGrouping: false }).format(value + 0);
}

/** A whole number, in groups of thousands. */
export function whole(value) {
  return format({ maximumFractionDigits: 0 }).format(value);
}

/** Degrees with one decimal, a real minus sign and no minus zero. */
export function degrees(value) {
  return `${fixed(Math.round(value * 10) / 10, 1).replace("-", "−")}°`;
}

/** A share as whole per cent; never 100 where it is less. */
export function percent(share) {
  return t("{number} %", { number: Math.floor(share * 100) });
}

/** A number that a reader typed, with the decimal sign of the language, as the service takes it. */
export function typedNumber(text) {
  return text.trim().replace(",", ".");
}

function filled(text, values) {
  return text.replace(/\{(\w+)\}/g, (whole, name) => {
    const value = values[name];
    if (value === undefined) return whole;
    return typeof value === "number" ? format({}).format(value) : value;
  });
}

function format(options) {
  const key = JSON.stringify(options);
  if (!formats.has(key)) formats.set(key, new Intl.NumberFormat(LOCALE, options));
  return formats.get(key);
}

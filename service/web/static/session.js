/**
 * The browser's session, sign-in, and the function by which pages call the API.
 *
 *   import { ask, ready, tokenHeaders, Problem } from "./session.js";
 *   const jobs = await ask("/jobs?state=running");            // parsed JSON (or the Response with {raw: true})
 *   catch (error) { show(error.message); }                    // a Problem: a sentence for people, `.code`, `.status`
 *
 * `document` receives the event "session" at each sign-in and sign-out.
 */

import { errorText, t } from "./texts.js";

const TOKEN_HEADER = "X-CSRF-Token";

let session = { asks_for_keys: false, key: null, scopes: [], csrf_token: null };

/** An error with a sentence for people. */
export class Problem extends Error {
  /**
   * @param {string} message a sentence
   * @param {{status?: number, code?: string, retryAfter?: number}} facts `retryAfter` in seconds, 0 where unknown
   */
  constructor(message, { status = 0, code = "unreachable", retryAfter = 0 } = {}) {
    super(message);
    this.name = "Problem";
    this.status = status;
    this.code = code;
    this.retryAfter = retryAfter;
  }
}

/** The last known session. */
export function current() {
  return session;
}

/** Headers that calls by XMLHttpRequest must send. */
export function tokenHeaders() {
  return session.csrf_token ? { [TOKEN_HEADER]: session.csrf_token } : {};
}

/**
 * Call the API. A call without a key shows the sign-in form.
 *
 * @param {string} path
 * @param {RequestInit & {raw?: boolean}} options `raw`: return the Response
 * @returns {Promise<any>} parsed JSON; null where there is no content
 * @throws {Problem}
 */
export async function ask(path, { raw = false, ...options } = {}) {
  await ready;
  const response = await send(path, { ...options, headers: { ...tokenHeaders(), ...options.headers } });
  if (!response.ok) {
    const problem = await problemOf(response);
    if (problem.status === 401) showSignIn();
    throw problem;
  }
  if (raw) return response;
  return response.status === 204 ? null : response.json();
}

/**
 * Convert an error response to a Problem.
 *
 * @param {Response} response
 */
export async function problemOf(response) {
  const body = await response.json().catch(() => ({}));
  const retryAfter = Number(response.headers.get("Retry-After")) || 0;
  const detail = errorText(body.code, sentence(body.detail || t("the service answered {status}", { status: String(response.status) })));
  return new Problem(detail, { status: response.status, code: body.code || "unknown", retryAfter });
}

/** Make a sentence of an API message: a capital and a full stop. */
export function sentence(words) {
  const text = words.trim();
  const whole = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?…]$/.test(whole) ? whole : `${whole}.`;
}

async function send(path, options) {
  try {
    return await fetch(path, { credentials: "same-origin", cache: "no-store", ...options });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(t("The service does not answer. Check the network, then try again."));
  }
}

function element(id) {
  return document.getElementById(id);
}

function take(next) {
  session = next;
  element("who").hidden = !next.key;
  element("who-name").textContent = next.key ?? "";
  if (next.asks_for_keys && !next.key) showSignIn();
  else element("sign-in").hidden = true;
  document.dispatchEvent(new CustomEvent("session", { detail: next }));
}

function showSignIn() {
  const panel = element("sign-in");
  if (!panel.hidden) return;
  panel.hidden = false;
  element("sign-in-key").focus();
}

async function begin(key) {
  // A header cannot carry other characters.
  if (!/^[\x21-\x7e]+$/.test(key)) throw new Problem(t("This is not a key: keys have no blanks and no accents."));
  const response = await send("/session", { method: "POST", headers: { "X-API-Key": key } });
  if (!response.ok) throw await problemOf(response);
  take(await response.json());
}

async function refresh() {
  const response = await send("/session", {});
  if (response.ok) take(await response.json());
}

element("sign-in-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const field = element("sign-in-key");
  const problem = element("sign-in-problem");
  problem.textContent = "";
  try {
    await begin(field.value.trim());
    field.value = "";
    element("main").focus();
  } catch (error) {
    problem.textContent = error.message;
    field.focus();
  }
});

element("sign-out").addEventListener("click", async () => {
  await send("/session", { method: "DELETE", headers: tokenHeaders() }).catch(() => {});
  await refresh().catch(() => {});
});

/** Resolves when the session is known; an unreachable service shows at the first call. */
export const ready = refresh().catch(() => {});

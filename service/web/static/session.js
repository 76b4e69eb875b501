/**
 * Who is asking: the browser's session, sign-in, and the one way in which pages call the API.
 *
 *   import { ask, ready, tokenHeaders, Problem } from "./session.js";
 *   const jobs = await ask("/jobs?state=running");            // parsed JSON (or the Response with {raw: true})
 *   catch (error) { show(error.message); }                    // a Problem: a sentence for people, `.code`, `.status`
 *
 * `document` hears "session" whenever somebody signs in or out.
 */

const TOKEN_HEADER = "X-CSRF-Token";

let session = { asks_for_keys: false, key: null, scopes: [], csrf_token: null };

/** What went wrong, in a sentence for people. */
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

/** The session as the service told it last. */
export function current() {
  return session;
}

/** Headers that a call with XMLHttpRequest has to send, too. */
export function tokenHeaders() {
  return session.csrf_token ? { [TOKEN_HEADER]: session.csrf_token } : {};
}

/**
 * Call the API. A call without a key shows the sign-in form.
 *
 * @param {string} path
 * @param {RequestInit & {raw?: boolean}} options `raw`: give back the Response itself
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
 * An error answer as a Problem.
 *
 * @param {Response} response
 */
export async function problemOf(response) {
  const told = await response.json().catch(() => ({}));
  const retryAfter = Number(response.headers.get("Retry-After")) || 0;
  const detail = sentence(told.detail || `the service answered ${response.status}`);
  return new Problem(detail, { status: response.status, code: told.code || "unknown", retryAfter });
}

/** The API's words with a capital and a full stop. */
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
    throw new Problem("The service does not answer. Look at the network, then try again.");
  }
}

function element(id) {
  return document.getElementById(id);
}

function take(told) {
  session = told;
  element("who").hidden = !told.key;
  element("who-name").textContent = told.key ?? "";
  if (told.asks_for_keys && !told.key) showSignIn();
  else element("sign-in").hidden = true;
  document.dispatchEvent(new CustomEvent("session", { detail: told }));
}

function showSignIn() {
  const panel = element("sign-in");
  if (!panel.hidden) return;
  panel.hidden = false;
  element("sign-in-key").focus();
}

async function begin(key) {
  // What a header cannot carry is no key.
  if (!/^[\x21-\x7e]+$/.test(key)) throw new Problem("This is not a key: keys have no blanks and no accents.");
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

/** Resolves when it is known who is asking; what cannot be reached shows itself at the first call. */
export const ready = refresh().catch(() => {});

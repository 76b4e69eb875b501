/** *Analyse a file*: files are uploaded through the service, become jobs, and are followed to their results. */

import { byId, fill, make, set, setText } from "./dom.js";
import { dropAnywhere } from "./drop-anywhere.js";
import { follow } from "./follow.js";
import { bytes, isFinished, jobPage, mediaWords, problemWords, resultLinks, stageWords, stateChip } from "./job-words.js";
import { analysis, kindOf, limitsOf, patiently, refusal, statedMediaType, statedOptions, uploaded } from "./sending.js";
import { ask, sentence } from "./session.js";
import { sha256 } from "./sha256.js";
import { adviceText, errorText, percent, t, tn } from "./texts.js";

const AT_ONCE = 2;
const KEPT = "analyse.files";
/** Stages before there is a job. */
const BEFORE = {
  waiting: t("Waiting"),
  reading: t("Reading"),
  uploading: t("Uploading"),
  starting: t("Starting"),
  stopped: t("Stopped"),
};
/** Steps that end with the page. */
const BUSY = new Set(["reading", "uploading"]);

const page = byId("analyse");
const limits = limitsOf(page);

/**
 * One file of the list.
 *
 * @typedef {object} Entry
 * @property {string} key unique on this page
 * @property {string} name of the file
 * @property {number} size in bytes
 * @property {"image"|"video"|null} media
 * @property {string} mediaType
 * @property {Record<string, string>} options of the job, those that are stated
 * @property {string} sha256 of the file; empty before it was read
 * @property {string} container of the upload; empty before the service has named it
 * @property {"waiting"|"reading"|"uploading"|"starting"|"followed"|"stopped"} step
 * @property {number} sent share that is read or uploaded
 * @property {boolean} [needsKey] it resumes after sign-in
 * @property {string} problem the error, in words
 * @property {object|null} job its last known state
 */

/** @type {Map<string, Entry>} */
const entries = new Map();
/** Not kept over a reload: the files, and the controllers of their uploads. */
const files = new Map();
const stops = new Map();
const rows = new Map();
let working = 0;

// --- choosing files ------------------------------------------------------------------------------------------------

function add(chosen) {
  for (const file of chosen) {
    const key = crypto.getRandomValues(new Uint32Array(2)).join("-");
    const entry = {
      key,
      name: file.name,
      size: file.size,
      media: kindOf(file, limits),
      mediaType: statedMediaType(),
      options: statedOptions(kindOf(file, limits)),
      sha256: "",
      container: "",
      step: "waiting",
      sent: 0,
      problem: "",
      job: null,
    };
    entry.problem = refusal(entry, limits);
    if (entry.problem) entry.step = "stopped";
    else files.set(key, file);
    entries.set(key, entry);
  }
  changed();
  work();
}

// --- upload and job ------------------------------------------------------------------------------------------------

function work() {
  for (const entry of entries.values()) {
    if (working >= AT_ONCE) return;
    if (entry.step !== "waiting") continue;
    working += 1;
    one(entry).finally(() => {
      working -= 1;
      changed();
      work();
    });
  }
}

async function one(entry) {
  const stop = new AbortController();
  stops.set(entry.key, stop);
  try {
    move(entry, { step: "uploading", problem: "", sent: 0 });
    if (!entry.sha256) await read(entry, stop.signal);
    const upload = await patiently(stop.signal, () => {
      return uploaded(entry, local(entry), stop.signal, (sent) => move(entry, { sent }));
    });
    move(entry, { step: "starting", sent: 1, container: upload.container });
    const path = analysis(entry, upload);
    const answer = await patiently(stop.signal, () => ask(path, { method: "POST", signal: stop.signal }));
    files.delete(entry.key);
    update(entry, answer.jobs[0]);
    watch(entry);
  } catch (error) {
    const needsKey = error.status === 401 && files.has(entry.key);
    // Only `ask` shows the sign-in form.
    if (needsKey) ask("/jobs").catch(() => {});
    move(entry, { step: "stopped", needsKey, problem: error.name === "AbortError" ? t("You stopped it.") : problemWords(error) });
  } finally {
    stops.delete(entry.key);
  }
}

/** Compute the SHA-256 by which the service knows the file. */
async function read(entry, signal) {
  move(entry, { step: "reading" });
  const digest = await sha256(local(entry), signal, (sent) => move(entry, { sent }));
  move(entry, { step: "uploading", sha256: digest, sent: 0 });
}

function local(entry) {
  const file = files.get(entry.key);
  if (!file) throw new Error(t("The upload was interrupted when the page was left: choose the file again."));
  return file;
}

function watch(entry) {
  if (isFinished(entry.job)) return;
  follow(entry.job.id, (job) => update(entry, job), (problem) => move(entry, { problem: problem.message }));
}

function update(entry, job) {
  move(entry, { step: "followed", job, problem: "" });
  if (job.superseded_by && job.state === "superseded") move(entry, { problem: t("The file was replaced by a newer one.") });
}

// --- the list ------------------------------------------------------------------------------------------------------

function move(entry, more) {
  Object.assign(entry, more);
  if (entries.has(entry.key)) changed();
}

let planned = false;

/** Render and store the list, once for all changes within 50 ms. */
function changed() {
  if (planned) return;
  planned = true;
  setTimeout(() => {
    planned = false;
    keep();
    show();
  }, 50);
}

function show() {
  byId("list").hidden = !entries.size;
  byId("drop").classList.toggle("is-small", entries.size > 0);
  const list = byId("files");
  for (const entry of entries.values()) {
    if (!rows.has(entry.key)) {
      rows.set(entry.key, row(entry));
      list.append(rows.get(entry.key).node);
    }
    refresh(rows.get(entry.key), entry);
  }
  for (const [key, { node }] of rows) {
    if (entries.has(key)) continue;
    node.remove();
    rows.delete(key);
  }
  const all = [...entries.values()];
  const done = all.filter(isSettled).length;
  setText(byId("count"), all.length ? tn("{done} of {count} file finished", "{done} of {count} files finished", all.length, { done }) : "");
  byId("clear").hidden = !done;
  const { container } = all.findLast((entry) => entry.container) ?? {};
  byId("together").hidden = !container;
  if (container) set(byId("together"), "href", `/page/jobs?container=${container}`);
}

function isSettled(entry) {
  return entry.step === "stopped" || Boolean(entry.job && isFinished(entry.job));
}

/** Make a file's row; its parts are updated in place, so that nothing moves under a finger or the focus. */
function row(entry) {
  const parts = {
    title: make("h3", { id: `name-${entry.key}`, class: "file-name" }, entry.name),
    facts: make("span", { class: "muted small" }),
    state: make("span", { class: "file-state" }),
    bar: make("progress", { max: 1, "aria-labelledby": `name-${entry.key}` }),
    words: make("p", { class: "small file-words" }),
    advice: make("p", { class: "small file-words muted" }),
    actions: make("div", { class: "row file-actions" }),
  };
  parts.node = make(
    "li",
    { class: "file" },
    make("div", { class: "file-head" }, parts.title, parts.state),
    parts.facts,
    parts.bar,
    parts.words,
    parts.advice,
    parts.actions,
  );
  return parts;
}

function refresh(parts, entry) {
  const facts = [bytes(entry.size), entry.media && mediaWords({ media: entry.media, media_type: entry.mediaType })];
  setText(parts.facts, facts.filter(Boolean).join(" · "));
  fill(parts.state, entry.job ? stateChip(entry.job) : stepChip(entry));
  parts.bar.hidden = isSettled(entry) || entry.step === "waiting";
  const share = entry.job ? entry.job.progress : entry.sent;
  parts.bar.value = share;
  setText(parts.words, words(entry, share));
  parts.words.classList.toggle("problem", Boolean(entry.problem || entry.job?.state === "failed"));
  setText(parts.advice, entry.job?.state === "failed" ? adviceText(entry.job.error?.code, entry.job.error?.advice ?? "") : "");
  actions(parts.actions, entry);
}

function stepChip(entry) {
  return make("span", { class: entry.step === "stopped" ? "chip bad" : "chip" }, BEFORE[entry.step]);
}

function words(entry, share) {
  if (entry.problem) return entry.problem;
  const done = percent(share);
  if (!entry.job) return { reading: t("{share} read", { share: done }), uploading: t("{share} uploaded", { share: done }) }[entry.step] ?? "";
  const { state, stage, error, attempts } = entry.job;
  if (state === "failed" && error) return errorText(error.code, sentence(error.message));
  if (isFinished(entry.job)) return "";
  const at = [done, stageWords(stage)];
  if (error) at.push(t("attempt {number} did not succeed, it is retried", { number: attempts }));
  return at.join(" · ");
}

function actions(node, entry) {
  const offered = [];
  if (entry.job) {
    offered.push(...resultLinks(entry.job));
    offered.push(make("a", { class: "button", href: jobPage(entry.job.id) }, t("Job"), named(entry)));
  } else if (entry.step === "stopped") {
    if (files.has(entry.key)) offered.push(button(entry, t("Try again"), () => move(entry, { step: "waiting" }), work));
    offered.push(button(entry, t("Remove"), () => remove(entry)));
  } else {
    offered.push(button(entry, t("Stop"), () => halt(entry)));
  }
  const shape = offered.map((one) => one.textContent).join("|");
  if (node.dataset.shape === shape) return;
  node.dataset.shape = shape;
  // Keep the focus in the row when its button disappears.
  const hadFocus = node.contains(document.activeElement);
  node.replaceChildren(...offered);
  if (hadFocus) node.querySelector("a, button")?.focus();
}

function button(entry, name, ...acts) {
  return make("button", { type: "button", class: "quiet", onclick: () => acts.forEach((act) => act()) }, name, named(entry));
}

function named(entry) {
  return make("span", { class: "visually-hidden" }, ` ${entry.name}`);
}

function halt(entry) {
  const stop = stops.get(entry.key);
  if (stop) stop.abort();
  else move(entry, { step: "stopped", problem: t("You stopped it.") });
}

function remove(entry) {
  entries.delete(entry.key);
  files.delete(entry.key);
  changed();
}

// --- reload --------------------------------------------------------------------------------------------------------

function keep() {
  try {
    sessionStorage.setItem(KEPT, JSON.stringify([...entries.values()]));
  } catch {
    // Storage is full or forbidden: the list is lost at a reload; the jobs are not.
  }
}

function recall() {
  let kept = [];
  try {
    kept = JSON.parse(sessionStorage.getItem(KEPT) ?? "[]");
  } catch {
    // Not valid: start with an empty list.
  }
  for (const entry of kept) {
    entries.set(entry.key, entry);
    if (entry.job) watch(entry);
    // A complete upload is found in storage; an incomplete one must be chosen again.
    else if (["reading", "uploading", "starting"].includes(entry.step)) entry.step = "waiting";
    else if (entry.step === "waiting") Object.assign(entry, { step: "stopped", problem: t("It was not uploaded: choose it again.") });
  }
  changed();
  work();
}

// --- wiring --------------------------------------------------------------------------------------------------------

dropAnywhere(byId("drop"), ({ files }) => add(files));
document.addEventListener("paste", (event) => {
  if (event.clipboardData?.files.length) add(event.clipboardData.files);
});
byId("choose").addEventListener("click", () => byId("file").click());
byId("file").addEventListener("change", (event) => {
  add(event.target.files);
  event.target.value = "";
});
byId("clear").addEventListener("click", () => {
  for (const entry of entries.values()) if (isSettled(entry)) remove(entry);
  byId("choose").focus();
});
window.addEventListener("beforeunload", (event) => {
  if ([...entries.values()].some((entry) => BUSY.has(entry.step) && files.has(entry.key))) event.preventDefault();
});

document.addEventListener("session", ({ detail }) => {
  if (!detail.key) return;
  for (const entry of entries.values()) if (entry.needsKey) move(entry, { step: "waiting", needsKey: false });
  work();
});

recall();

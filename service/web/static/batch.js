/** *Analyse a folder*: hundreds of files with the same options, and what the few that fail need. */

import { isDone, isSettled, needsYou, Queue, shareOf } from "./batch-queue.js";
import { byId, fill, make, set, setText } from "./dom.js";
import { dropAnywhere } from "./drop-anywhere.js";
import { chosen, dropped } from "./folder.js";
import { bytes, jobPage, stageWords, stateChip } from "./job-words.js";
import { applyPreset, dropPreset, keepLast, keepPreset, presets, recallLast } from "./presets.js";
import { limitsOf, statedMediaType, statedOptions } from "./sending.js";
import { sentence } from "./session.js";
import { adviceText, errorText, percent, t, tn } from "./texts.js";
import { thumbnail } from "./thumbnails.js";

/** Steps before there is a job. */
const BEFORE = {
  waiting: t("Waiting"),
  reading: t("Reading"),
  uploading: t("Uploading"),
  starting: t("Starting"),
  stopped: t("Stopped"),
};
/** What to do about problems that come before a job; a job's error brings its own advice. */
const ADVICE = {
  refused: t("Leave these files out, or convert them."),
  chosen_again: t("Choose the folder again: what was sent is not sent twice."),
  unreachable: t("Check the network, then try again."),
  blob_exists: t("Give the file another name, then choose it again."),
};
const OTHERWISE = t("Try again; if it fails again, look at the message.");
const NAMES_SHOWN = 5;
const STUDY = /^[a-z0-9][a-z0-9._-]{0,62}$/;
const FILTERS = {
  all: () => true,
  you: needsYou,
  going: (entry) => !isSettled(entry),
  done: isDone,
};

const queue = new Queue(limitsOf(byId("batch")), settings, changed);
const tiles = new Map();
const SHOWN_AFTER_MS = 100;
const KEPT_AFTER_MS = 1000;
/** Entries that have changed since they were shown; null: any may have. */
let stale = null;
let filter = "all";
let planned = false;
let keeping = 0;

function settings() {
  return { mediaType: statedMediaType(), options: statedOptions, study: byId("study").value.trim() };
}

// --- the list ------------------------------------------------------------------------------------------------------

/** Render what has changed, once for all changes of a moment, and store the list now and then. */
function changed(entry) {
  if (!entry) stale = null;
  else stale?.add(entry);
  keeping ||= setTimeout(keep, KEPT_AFTER_MS);
  if (planned) return;
  planned = true;
  setTimeout(() => {
    planned = false;
    show();
  }, SHOWN_AFTER_MS);
}

function keep() {
  clearTimeout(keeping);
  keeping = 0;
  queue.keep();
}

function show() {
  const all = [...queue.entries.values()];
  byId("list").hidden = !all.length;
  byId("drop").classList.toggle("is-small", all.length > 0);
  showTiles(stale ?? all);
  if (!stale) dropTiles();
  stale = new Set();
  byId("none").hidden = all.some(FILTERS[filter]);
  showWhole(all);
  showNeeds(all.filter(needsYou));
}

function showTiles(entries) {
  for (const entry of entries) {
    if (!tiles.has(entry.key)) {
      tiles.set(entry.key, tile(entry));
      byId("files").append(tiles.get(entry.key).node);
    }
    const parts = tiles.get(entry.key);
    refresh(parts, entry);
    parts.node.hidden = !FILTERS[filter](entry);
  }
}

function dropTiles() {
  for (const [key, { node }] of tiles) {
    if (queue.entries.has(key)) continue;
    node.remove();
    tiles.delete(key);
  }
}

function showWhole(all) {
  const done = all.filter(isDone).length;
  const need = all.filter(needsYou).length;
  const waiting = all.filter((entry) => entry.step === "waiting").length;
  const left = all.length - done - need;
  byId("whole").value = all.length ? all.reduce((sum, entry) => sum + shareOf(entry), 0) / all.length : 0;
  setText(byId("count"), countWords(done, need, all.length));
  setText(byId("state"), stateWords(waiting, left));
  for (const [name, filtered] of Object.entries(FILTERS)) setText(byId(`count-${name}`), String(all.filter(filtered).length));
  const start = byId("start");
  start.hidden = !waiting || queue.running;
  const resumes = waiting < left || done > 0;
  setText(start, resumes ? tn("Resume: {count} file", "Resume: {count} files", waiting) : tn("Start: {count} file", "Start: {count} files", waiting));
  byId("pause").hidden = !(queue.running && waiting);
  byId("clear").hidden = !done;
}

function countWords(done, need, all) {
  if (!all) return "";
  if (!need) return t("{done} of {all} done", { done, all });
  return tn("{done} of {all} done, {count} needs you", "{done} of {all} done, {count} need you", need, { done, all });
}

function stateWords(waiting, left) {
  if (!left) return t("Everything is finished.");
  if (queue.running || !waiting) return tn("{count} file to go.", "{count} files to go.", left);
  if (waiting === left && !queue.isSending) return tn("{count} file waits for the start.", "{count} files wait for the start.", waiting);
  return tn("Paused: {count} file not sent yet; what was sent goes on.", "Paused: {count} files not sent yet; what was sent goes on.", waiting);
}

// --- what needs somebody -------------------------------------------------------------------------------------------

function showNeeds(entries) {
  byId("needs").hidden = !entries.length;
  const groups = new Map();
  for (const entry of entries) {
    const { key, why, advice } = problemOf(entry);
    if (!groups.has(key)) groups.set(key, { why, advice, entries: [] });
    groups.get(key).entries.push(entry);
  }
  byId("retry").hidden = !entries.some((entry) => queue.canRetry(entry));
  fill(byId("groups"), ...[...groups.values()].map(group));
}

/** The problem of a file: its kind, its message, and how to mend it. */
function problemOf(entry) {
  if (entry.problem) {
    const { code, text } = entry.problem;
    return { key: code, why: text, advice: ADVICE[code] ?? OTHERWISE };
  }
  const { state, error } = entry.job;
  if (state === "failed" && error) {
    const advice = adviceText(error.code, error.advice) || OTHERWISE;
    return { key: error.code, why: errorText(error.code, sentence(error.message)), advice };
  }
  const why = state === "cancelled" ? t("The job was cancelled.") : t("The file was replaced by a newer one.");
  return { key: state, why, advice: OTHERWISE };
}

function group({ why, advice, entries }) {
  const names = entries.slice(0, NAMES_SHOWN).map((entry) => entry.path).join(", ");
  const more = entries.length - NAMES_SHOWN;
  return make(
    "li",
    { class: "need" },
    make("strong", {}, tn("{count} file", "{count} files", entries.length)),
    make("span", {}, why),
    make("span", { class: "muted" }, advice),
    make("span", { class: "small need-names" }, more > 0 ? t("{names} and {count} more", { names, count: more }) : names),
  );
}

// --- one file ------------------------------------------------------------------------------------------------------

/** Make a file's tile; its parts are updated in place, so that nothing moves under a finger or the focus. */
function tile(entry) {
  const canvas = make("canvas", { "aria-hidden": "true" });
  const parts = {
    title: make("h3", { id: `name-${entry.key}`, class: "tile-name" }, entry.name),
    facts: make("span", { class: "muted small" }),
    state: make("span", {}),
    bar: make("progress", { max: 1, "aria-labelledby": `name-${entry.key}` }),
    words: make("p", { class: "small tile-words" }),
    actions: make("div", { class: "row tile-actions" }),
  };
  const sign = make("span", { class: "tile-sign", "aria-hidden": "true" }, entry.media === "video" ? "▶" : "▣");
  parts.picture = make("div", { class: "tile-picture" }, sign, canvas);
  parts.node = make(
    "li",
    { class: "tile" },
    parts.picture,
    make("div", { class: "tile-text" }, parts.title, parts.facts, make("div", { class: "row" }, parts.state), parts.bar, parts.words, parts.actions),
  );
  set(parts.title, "title", entry.path);
  parts.canvas = canvas;
  return parts;
}

function refresh(parts, entry) {
  const file = queue.file(entry);
  if (file && !parts.isDrawn) {
    parts.isDrawn = true;
    thumbnail(parts.canvas, file, entry.media);
  }
  setText(parts.facts, [bytes(entry.size), entry.media === "video" ? t("video") : t("photo")].join(" · "));
  fill(parts.state, entry.job ? stateChip(entry.job) : stepChip(entry));
  parts.bar.hidden = isSettled(entry) || entry.step === "waiting";
  parts.bar.value = shareOf(entry);
  setText(parts.words, words(entry));
  parts.words.classList.toggle("problem", needsYou(entry));
  parts.node.classList.toggle("needs-you", needsYou(entry));
  actions(parts.actions, entry);
}

function stepChip(entry) {
  return make("span", { class: entry.step === "stopped" ? "chip bad" : "chip" }, BEFORE[entry.step]);
}

function words(entry) {
  if (needsYou(entry)) return problemOf(entry).why;
  if (isSettled(entry) || entry.step === "waiting") return "";
  const share = percent(shareOf(entry));
  return entry.job ? `${share} · ${stageWords(entry.job.stage)}` : share;
}

function actions(node, entry) {
  const of = make("span", { class: "visually-hidden" }, ` ${entry.name}`);
  const offered = [];
  if (entry.job) offered.push(make("a", { href: jobPage(entry.job.id) }, t("Job"), of));
  else if (entry.step === "stopped") {
    const remove = () => queue.remove([entry]);
    offered.push(make("button", { type: "button", class: "quiet", onclick: remove }, t("Leave out"), of));
  }
  const shape = `${offered.map((one) => one.textContent).join("|")} ${entry.job?.id ?? ""}`;
  if (node.dataset.shape === shape) return;
  node.dataset.shape = shape;
  node.replaceChildren(...offered);
}

// --- presets and study ---------------------------------------------------------------------------------------------

function showPresets(selected = "") {
  const names = Object.keys(presets()).sort((one, other) => one.localeCompare(other));
  const options = names.map((name) => make("option", { value: name, selected: name === selected }, name));
  byId("preset").replaceChildren(make("option", { value: "" }, names.length ? t("Choose…") : t("None kept yet")), ...options);
  byId("preset").value = selected;
  byId("drop-preset").hidden = !selected;
}

byId("preset").addEventListener("change", ({ target }) => {
  if (target.value) applyPreset(target.value);
  byId("drop-preset").hidden = !target.value;
  keepLast();
});
byId("keep-preset").addEventListener("submit", (event) => {
  event.preventDefault();
  const name = byId("preset-name").value.trim();
  if (!name) return;
  keepPreset(name);
  byId("preset-name").value = "";
  showPresets(name);
  setText(byId("preset-said"), t("Kept as “{name}”.", { name }));
});
byId("drop-preset").addEventListener("click", () => {
  const name = byId("preset").value;
  dropPreset(name);
  showPresets();
  setText(byId("preset-said"), t("“{name}” is deleted.", { name }));
  byId("preset").focus();
});
byId("options").addEventListener("change", keepLast);

/** A study's name as the service takes it: blanks become hyphens, letters small. */
function tidyStudy() {
  const field = byId("study");
  const plain = field.value.normalize("NFKD").toLowerCase().trim();
  const name = plain.replace(/[\s/]+/g, "-").replace(/[^a-z0-9._-]/g, "").replace(/^[._-]+/, "").slice(0, 63);
  if (field.value !== name) {
    field.value = name;
    setText(byId("study-said"), name ? t("The study is called “{name}”.", { name }) : "");
  }
  const link = byId("study-page");
  link.hidden = !STUDY.test(name);
  if (!link.hidden) set(link, "href", `/page/studies/${name}`);
}

byId("study").addEventListener("change", tidyStudy);

// --- wiring --------------------------------------------------------------------------------------------------------

function add(found) {
  const others = queue.add(found);
  const kinds = [...others].map(([ending, count]) => (ending ? `${count} .${ending}` : t("{count} without an ending", { count })));
  const passed = kinds.length ? t("Passed over, as no photos or videos: {kinds}.", { kinds: kinds.join(", ") }) : "";
  setText(byId("passed"), found.length || passed ? passed : t("No files were found there."));
}

dropAnywhere(byId("drop"), async (transfer) => {
  try {
    add(await dropped(transfer));
  } catch {
    setText(byId("passed"), t("The folder could not be read. Choose it by the button instead."));
  }
});
for (const [button, input] of [["choose-folder", "folder"], ["choose-files", "file"]]) {
  byId(button).addEventListener("click", () => byId(input).click());
  byId(input).addEventListener("change", ({ target }) => {
    add(chosen(target.files));
    target.value = "";
  });
}
byId("start").addEventListener("click", () => {
  tidyStudy();
  queue.start();
  byId("list-title").focus();
});
byId("pause").addEventListener("click", () => {
  queue.pause();
  byId("list-title").focus();
});
byId("retry").addEventListener("click", () => {
  queue.retry([...queue.entries.values()].filter((entry) => needsYou(entry) && queue.canRetry(entry)));
  byId("list-title").focus();
});
byId("leave-out").addEventListener("click", () => {
  queue.remove([...queue.entries.values()].filter(needsYou));
  byId("list-title").focus();
});
byId("clear").addEventListener("click", () => {
  queue.remove([...queue.entries.values()].filter(isDone));
  byId("list-title").focus();
});
for (const radio of document.querySelectorAll('input[name="filter"]')) {
  radio.addEventListener("change", () => {
    filter = radio.value;
    stale = null;
    show();
  });
}
window.addEventListener("pagehide", keep);
window.addEventListener("beforeunload", (event) => {
  const unsent = [...queue.entries.values()].some((entry) => !entry.job && entry.step !== "stopped" && queue.file(entry));
  if (queue.isSending || (queue.running && unsent)) event.preventDefault();
});
document.addEventListener("session", ({ detail }) => {
  if (detail.key && [...queue.entries.values()].some((entry) => entry.step === "waiting" && entry.mediaType)) queue.start();
});

recallLast();
showPresets();
const named = new URLSearchParams(location.search).get("study");
if (named) byId("study").value = named;
tidyStudy();
queue.recall();

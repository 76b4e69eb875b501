/** *Jobs*: the list, its filters, and the progress of unfinished jobs. */

import { byId, fill, make, set, setText } from "./dom.js";
import {
  errorWords,
  fileName,
  isFinished,
  jobPage,
  mediaWords,
  problemWords,
  progressBar,
  seconds,
  stageWords,
  stateChip,
  time,
  tookSeconds,
} from "./job-words.js";
import { ask, current } from "./session.js";
import { percent, t, tn } from "./texts.js";

const COLUMNS = { state: t("State"), media: t("Media"), submitted: t("Submitted"), took: t("Took"), attempts: t("Attempts") };
const FILTERS = ["text", "state", "container"];
const REFRESH_EVERY_MS = 2500;
const REFRESHED_AT_ONCE = 8;
/** Number of empty pages of a search before the reader decides whether to go on. */
const PAGES_AT_ONCE = 10;

/** Listed jobs by id, with the cells of their rows. */
const shown = new Map();
let cursor = null;
let loads = 0;
/** Key of the last load: null without one, undefined before the first. */
let loadedAs;

function filters() {
  const given = new URLSearchParams(location.search);
  const wanted = new URLSearchParams();
  for (const name of FILTERS) {
    const value = (given.get(name) ?? "").trim();
    if (value) wanted.set(name, value);
  }
  return wanted;
}

/** Fetch pages until one has a job; a page of a search may be empty although more follow. */
async function load() {
  const own = ++loads;
  setText(byId("problem"), "");
  setText(byId("count"), t("Looking…"));
  byId("more").disabled = true;
  try {
    const before = shown.size;
    for (let pages = 0; pages < PAGES_AT_ONCE; pages += 1) {
      const query = filters();
      if (cursor) query.set("cursor", cursor);
      const page = await ask(`/jobs?${query}`);
      if (own !== loads) return;
      cursor = page.cursor;
      page.jobs.forEach(show);
      if (!cursor || shown.size > before) break;
    }
    report();
  } catch (problem) {
    setText(byId("problem"), problemWords(problem));
    setText(byId("count"), "");
  } finally {
    loadedAs = current().key;
    byId("more").disabled = false;
  }
}

function report() {
  const count = shown.size;
  const none = filters().size ? t("No job matches.") : t("There are no jobs yet.");
  const some = cursor
    ? tn("{count} job, and there are older ones", "{count} jobs, and there are older ones", count)
    : tn("{count} job", "{count} jobs", count);
  setText(byId("count"), count ? some : cursor ? t("None found so far; there are older jobs.") : none);
  byId("table").hidden = !count;
  byId("more").hidden = !cursor;
}

function show(job) {
  if (!shown.has(job.id)) {
    const row = newRow(job);
    shown.set(job.id, row);
    byId("rows").append(row.node);
  }
  refresh(shown.get(job.id), job);
}

function newRow(job) {
  const file = make(
    "th",
    { scope: "row", role: "rowheader", class: "job-file" },
    make("a", { href: jobPage(job.id) }, fileName(job.blob)),
    make("span", { class: "muted small job-place" }, place(job)),
  );
  const cells = Object.fromEntries(
    Object.entries(COLUMNS).map(([name, label]) => [name, make("td", { role: "cell", "data-label": label })]),
  );
  return { node: make("tr", { role: "row" }, file, ...Object.values(cells)), cells, job };
}

/** The file's container and folder, without one that is named by the file's SHA-256. */
function place(job) {
  const folder = job.blob.slice(0, -fileName(job.blob).length).replace(/^[0-9a-f]{64}\/$/, "");
  return `${job.container}/${folder}`.replace(/\/$/, "");
}

function refresh(row, job) {
  const { cells } = row;
  row.job = job;
  fill(cells.state, stateChip(job), ...stateMore(job));
  fill(cells.media, mediaWords(job));
  fill(cells.submitted, time(job.times.created));
  const took = tookSeconds(job);
  fill(cells.took, took === null ? make("span", { class: "muted" }, "–") : seconds(took));
  fill(cells.attempts, String(job.attempts));
}

function stateMore(job) {
  if (job.state === "running") {
    const bar = progressBar(job, t("Progress of {name}", { name: fileName(job.blob) }));
    return [bar, make("span", { class: "muted small" }, `${percent(job.progress)} · ${stageWords(job.stage)}`)];
  }
  if (job.state === "failed" && job.error) return [make("span", { class: "muted small job-error" }, errorWords(job).message)];
  return [];
}

/** Refresh the unfinished jobs in turn. */
async function refreshSome() {
  if (!document.hidden) {
    const unfinished = [...shown].filter(([, row]) => !isFinished(row.job)).slice(0, REFRESHED_AT_ONCE);
    await Promise.all(unfinished.map(([id, row]) => refreshOne(id, row)));
  }
  setTimeout(refreshSome, REFRESH_EVERY_MS);
}

async function refreshOne(id, row) {
  // Move it to the end of the order; the rows on the page stay in place.
  shown.delete(id);
  shown.set(id, row);
  try {
    refresh(row, await ask(`/jobs/${id}`));
  } catch {
    // The next round tries again.
  }
}

function start() {
  const given = filters();
  for (const name of FILTERS) byId(name).value = given.get(name) ?? "";
  shown.clear();
  byId("rows").replaceChildren();
  cursor = null;
  load();
}

byId("search").addEventListener("submit", (event) => {
  event.preventDefault();
  const wanted = new URLSearchParams();
  for (const name of FILTERS) {
    const value = byId(name).value.trim();
    if (value) wanted.set(name, value);
  }
  // A job id leads to the job's page.
  if (/^[0-9a-f]{32}$/.test(wanted.get("text") ?? "")) {
    location.assign(jobPage(wanted.get("text")));
    return;
  }
  history.pushState(null, "", wanted.size ? `?${wanted}` : location.pathname);
  start();
});
byId("state").addEventListener("change", () => byId("search").requestSubmit());
byId("more").addEventListener("click", load);
window.addEventListener("popstate", start);
document.addEventListener("session", ({ detail }) => {
  if (loadedAs !== undefined && loadedAs !== detail.key) start();
});
set(byId("table"), "aria-labelledby", "table-title");
start();
setTimeout(refreshSome, REFRESH_EVERY_MS);

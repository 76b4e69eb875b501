/** *Jobs*: the list, its filters, and the progress of what has not finished. */

import { byId, fill, make, set, tell } from "./dom.js";
import {
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
import { ask, current, sentence } from "./session.js";

const FILTERS = ["text", "state", "container"];
const REFRESH_EVERY_MS = 2500;
const REFRESHED_AT_ONCE = 8;
/** Pages of a search that may be empty before the reader is asked whether to go on. */
const PAGES_AT_ONCE = 10;

/** Shown jobs by id, with the cells of their rows. */
const shown = new Map();
let cursor = null;
let asked = 0;
/** Whose list this is: null for a stranger's, undefined while nobody has been answered. */
let askedAs;

function filters() {
  const given = new URLSearchParams(location.search);
  const wanted = new URLSearchParams();
  for (const name of FILTERS) {
    const value = (given.get(name) ?? "").trim();
    if (value) wanted.set(name, value);
  }
  return wanted;
}

/** Fetch until there is something new to show; a page of a search may be empty although more follow. */
async function load() {
  const own = ++asked;
  tell(byId("problem"), "");
  tell(byId("told"), "Looking…");
  byId("more").disabled = true;
  try {
    const before = shown.size;
    for (let pages = 0; pages < PAGES_AT_ONCE; pages += 1) {
      const query = filters();
      if (cursor) query.set("cursor", cursor);
      const page = await ask(`/jobs?${query}`);
      if (own !== asked) return;
      cursor = page.cursor;
      page.jobs.forEach(show);
      if (!cursor || shown.size > before) break;
    }
    report();
  } catch (problem) {
    tell(byId("problem"), problemWords(problem));
    tell(byId("told"), "");
  } finally {
    askedAs = current().key;
    byId("more").disabled = false;
  }
}

function report() {
  const count = shown.size;
  const some = count === 1 ? "1 job" : `${count} jobs`;
  const none = filters().size ? "No job is like that." : "There are no jobs yet.";
  const more = cursor ? ", and there are older ones" : "";
  tell(byId("told"), count ? `${some}${more}` : cursor ? "None found so far; there are older jobs." : none);
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
    ["State", "Media", "Submitted", "Took", "Attempts"].map((name) => [
      name,
      make("td", { role: "cell", "data-label": name }),
    ]),
  );
  return { node: make("tr", { role: "row" }, file, ...Object.values(cells)), cells, job };
}

/** Where the file is: its container, and its folder in it. */
function place(job) {
  const folder = job.blob.slice(0, -fileName(job.blob).length);
  return `${job.container}/${folder}`.replace(/\/$/, "");
}

function refresh(row, job) {
  const { cells } = row;
  row.job = job;
  fill(cells.State, stateChip(job), ...stateMore(job));
  fill(cells.Media, mediaWords(job));
  fill(cells.Submitted, time(job.times.created));
  const took = tookSeconds(job);
  fill(cells.Took, took === null ? make("span", { class: "muted" }, "–") : seconds(took));
  fill(cells.Attempts, String(job.attempts));
}

function stateMore(job) {
  if (job.state === "running") {
    const bar = progressBar(job, `Progress of ${fileName(job.blob)}`);
    return [bar, make("span", { class: "muted small" }, `${Math.floor(job.progress * 100)} % · ${stageWords(job.stage)}`)];
  }
  if (job.state === "failed" && job.error) return [make("span", { class: "muted small job-error" }, sentence(job.error.message))];
  return [];
}

/** Ask for the unfinished ones in turn. */
async function refreshSome() {
  if (!document.hidden) {
    const unfinished = [...shown].filter(([, row]) => !isFinished(row.job)).slice(0, REFRESHED_AT_ONCE);
    await Promise.all(unfinished.map(([id, row]) => refreshOne(id, row)));
  }
  setTimeout(refreshSome, REFRESH_EVERY_MS);
}

async function refreshOne(id, row) {
  // To the end of the queue; the rows on the page stay where they are.
  shown.delete(id);
  shown.set(id, row);
  try {
    refresh(row, await ask(`/jobs/${id}`));
  } catch {
    // Shown again as soon as it can be asked for.
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
  // A job's own id leads to its page.
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
  if (askedAs !== undefined && askedAs !== detail.key) start();
});
set(byId("table"), "aria-labelledby", "table-title");
start();
setTimeout(refreshSome, REFRESH_EVERY_MS);

/** One study: its counts, its quality at a glance, what failed, a poster a file, and the collected table. */

import { byId, fill, make, set, setText } from "./dom.js";
import { fileName, jobPage, problemWords, seconds, stageWords, stateChip, time } from "./job-words.js";
import { ask, current, sentence } from "./session.js";
import { adviceText, errorText, fixed, percent, t, tn } from "./texts.js";

const REFRESH_MS = 4000;
const FAILED_PAGES = 4;
const NAMES_SHOWN = 6;
const ORDER = ["succeeded", "running", "queued", "failed", "cancelled", "superseded"];
const WORDS = {
  succeeded: (count) => t("{count} done", { count }),
  running: (count) => t("{count} running", { count }),
  queued: (count) => t("{count} waiting", { count }),
  failed: (count) => t("{count} failed", { count }),
  cancelled: (count) => t("{count} cancelled", { count }),
  superseded: (count) => t("{count} superseded", { count }),
};

const study = byId("study").dataset.study;
const address = `/studies/${study}`;
/** Tiles by job. */
const tiles = new Map();
let cursor = null;
let listed = false;
let counted = "";
let asked = false;
let timer = 0;
let loadedAs;

// --- counts and what was made --------------------------------------------------------------------------------------

/** The study, with its counts added up over as many requests as it takes. */
async function whole() {
  const first = await ask(address);
  let { cursor: next } = first;
  while (next) {
    const more = await ask(`${address}?cursor=${encodeURIComponent(next)}`);
    for (const [state, count] of Object.entries(more.counts)) first.counts[state] = (first.counts[state] ?? 0) + count;
    next = more.cursor;
  }
  return first;
}

async function refresh() {
  clearTimeout(timer);
  try {
    const found = await whole();
    setText(byId("problem"), "");
    byId("shown").hidden = false;
    show(found);
    const now = JSON.stringify(found.counts);
    if (now !== counted) {
      counted = now;
      await Promise.all([showFailures(found.counts.failed ?? 0), listed ? renew() : more()]);
    }
    if (unfinished(found.counts) || found.making) timer = setTimeout(refresh, REFRESH_MS);
  } catch (problem) {
    setText(byId("problem"), problemWords(problem));
    // A connection that broke off may come back.
    if (!problem.status || problem.status >= 500 || problem.status === 429) timer = setTimeout(refresh, REFRESH_MS);
  } finally {
    loadedAs = current().key;
  }
}

function unfinished(counts) {
  return (counts.queued ?? 0) + (counts.running ?? 0);
}

function show({ counts, results, making }) {
  const all = Object.values(counts).reduce((sum, count) => sum + count, 0);
  const parts = ORDER.filter((state) => counts[state]).map((state) => WORDS[state](counts[state]));
  const states = parts.join(", ");
  setText(byId("count"), all ? tn("{count} file: {states}", "{count} files: {states}", all, { states }) : t("No files."));
  byId("whole").hidden = !unfinished(counts);
  byId("whole").value = all ? 1 - unfinished(counts) / all : 0;
  const isCurrent = results && JSON.stringify(sorted(results.states)) === JSON.stringify(sorted(counts));
  showMade(results, making, isCurrent, counts);
  showQuality(results);
  // Made by itself once nothing is under way any more.
  if (all && !isCurrent && !making && !unfinished(counts) && !asked) request();
}

function sorted(states) {
  return Object.entries(states).sort(([one], [other]) => one.localeCompare(other));
}

function showMade(results, making, isCurrent, counts) {
  const links = results
    ? [
        make("a", { class: "button primary", href: results.links.report }, t("Report")),
        make("a", { class: "button", href: results.links.csv, download: true }, t("Table (CSV)")),
        make("a", { class: "button", href: results.links.parquet, download: true }, t("Table (Parquet)")),
      ]
    : [];
  fill(byId("downloads"), ...links);
  byId("downloads").hidden = !links.length;
  fill(byId("made"), ...madeWords(results, making, isCurrent, counts));
  // Also while the counts are the same: stretches may have been excluded since.
  byId("make").hidden = Boolean(making && !making.failed);
  setText(byId("make"), results ? t("Bring up to date") : t("Make them"));
}

function madeWords(results, making, isCurrent, counts) {
  const said = [];
  if (results) {
    const made = tn("Made of {count} result: {rows} rows.", "Made of {count} results: {rows} rows.", results.results, { rows: results.rows });
    said.push(`${made} `, time(results.at), ". ");
  }
  if (making?.failed) said.push(t("Making them failed: {why}", { why: sentence(making.failed) }));
  else if (making?.done) said.push(tn("A worker makes them: {count} result so far.", "A worker makes them: {count} results so far.", making.done));
  else if (making) said.push(t("A worker makes them."));
  else if (results && !isCurrent) said.push(t("The study has changed since."));
  else if (!results) said.push(unfinished(counts) ? t("They can be made before all files have finished.") : t("Not made yet."));
  if (results) said.push(" ", t("The table holds gaze, head pose and action units, a row a frame or face; “collect --study” on the command line writes all columns."));
  return said;
}

async function request() {
  asked = true;
  byId("make").disabled = true;
  try {
    await ask(`${address}/results`, { method: "POST" });
    await refresh();
  } catch (problem) {
    setText(byId("problem"), problemWords(problem));
  } finally {
    byId("make").disabled = false;
  }
}

function showQuality(results) {
  byId("quality-card").hidden = !results?.results;
  if (!results) return;
  const { quality } = results;
  const facts = [
    quality.videos && [t("Frames with a face"), framesWords(quality)],
    quality.videos && [t("Frames used"), t("{share} pass the quality gate", { share: share(quality.frames_used, quality.frames) })],
    quality.videos && [t("Stretches without a usable face"), gapWords(quality)],
    quality.pictures && [t("Photos with a face"), t("{some} of {all}", { some: quality.pictures_with_face, all: quality.pictures })],
    [t("Confidence"), quality.confidence === null ? "–" : t("{number} on average", { number: fixed(quality.confidence, 2) })],
    quality.partial && [t("Partial"), tn("{count} result without the whole media", "{count} results without the whole media", quality.partial)],
    results.unreadable.length && [t("Unreadable"), results.unreadable.join("; ")],
  ];
  fill(byId("quality"), ...facts.filter(Boolean).flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, value)]));
}

function framesWords({ frames, frames_with_face: seen, videos }) {
  return tn("{share} of {all}, in {count} video", "{share} of {all}, in {count} videos", videos, { share: share(seen, frames), all: frames });
}

function gapWords({ gaps, gaps_s: length }) {
  if (!gaps) return t("none of half a second or more");
  return tn("{count} stretch, {length} together", "{count} stretches, {length} together", gaps, { length: seconds(length) });
}

/** "93 %"; never 100 where it is less. */
function share(part, of) {
  return of ? percent(part / of) : "–";
}

// --- failures ------------------------------------------------------------------------------------------------------

async function showFailures(failed) {
  byId("failures-card").hidden = !failed;
  if (!failed) return;
  const groups = new Map();
  let next = "";
  let seen = 0;
  for (let pages = 0; pages < FAILED_PAGES && next !== null; pages += 1) {
    const page = await ask(`${address}/jobs?state=failed${next ? `&cursor=${encodeURIComponent(next)}` : ""}`);
    for (const job of page.jobs) {
      const { code, message, advice } = job.error ?? { code: "unknown", message: "", advice: "" };
      if (!groups.has(code)) groups.set(code, { code, message, advice, jobs: [] });
      groups.get(code).jobs.push(job);
      seen += 1;
    }
    next = page.cursor;
  }
  fill(byId("failures"), ...[...groups.values()].map(failure));
  byId("failures-more").hidden = seen >= failed;
  setText(byId("failures-more"), tn("{count} more is in the study’s report.", "{count} more are in the study’s report.", failed - seen));
}

function failure({ code, message, advice, jobs }) {
  const names = jobs.slice(0, NAMES_SHOWN).flatMap((job, at) => [at ? ", " : "", make("a", { href: jobPage(job.id) }, fileName(job.blob))]);
  const left = jobs.length - NAMES_SHOWN;
  return make(
    "li",
    { class: "failure" },
    make("strong", {}, tn("{count} file", "{count} files", jobs.length)),
    make("span", {}, errorText(code, sentence(message))),
    make("span", { class: "muted" }, adviceText(code, advice)),
    make("span", { class: "small" }, ...names, left > 0 && ` ${t("and {count} more", { count: left })}`),
  );
}

// --- posters -------------------------------------------------------------------------------------------------------

/** The next page of files; an empty one is passed over. */
async function more() {
  listed = true;
  byId("more").disabled = true;
  try {
    const before = tiles.size;
    do {
      const page = await ask(`${address}/jobs${cursor ? `?cursor=${encodeURIComponent(cursor)}` : ""}`);
      cursor = page.cursor;
      page.jobs.forEach(showJob);
    } while (cursor && tiles.size === before);
    byId("more").hidden = !cursor;
  } finally {
    byId("more").disabled = false;
  }
}

/** The newest files again: their states have changed. */
async function renew() {
  const page = await ask(`${address}/jobs`);
  const fresh = page.jobs.filter((job) => !tiles.has(job.id));
  page.jobs.forEach(showJob);
  // New ones come first.
  byId("posters").prepend(...fresh.map((job) => tiles.get(job.id).node));
  for (const { job } of [...tiles.values()]) {
    if (!page.jobs.some(({ id }) => id === job.id) && unfinished({ [job.state]: 1 })) showJob(await known(job));
  }
}

/** A job with its quality: the list has it, the job alone has not. */
async function known(job) {
  const fresh = await ask(`/jobs/${job.id}`);
  return { ...job, ...fresh, quality: job.quality };
}

function showJob(job) {
  if (!tiles.has(job.id)) {
    tiles.set(job.id, tile(job));
    byId("posters").append(tiles.get(job.id).node);
  }
  const parts = tiles.get(job.id);
  parts.job = job;
  if (job.links.poster && !parts.picture.querySelector("img")) {
    const picture = make("img", { src: job.links.poster, alt: "", loading: "lazy", width: 160, height: 160 });
    parts.picture.append(picture);
  }
  fill(parts.state, ...stateOf(job));
}

function tile(job) {
  const sign = make("span", { class: "poster-sign", "aria-hidden": "true" }, job.media === "image" ? "▣" : "▶");
  const picture = make("div", { class: "poster-picture" }, sign);
  const state = make("div", { class: "poster-state" });
  const name = make("a", { href: jobPage(job.id), class: "poster-name" }, fileName(job.blob));
  set(name, "title", fileName(job.blob));
  return { job, picture, state, node: make("li", { class: "poster" }, picture, name, state) };
}

function stateOf(job) {
  if (job.state === "running") return [stateChip(job), make("span", { class: "muted small" }, `${percent(job.progress)} · ${stageWords(job.stage)}`)];
  if (!job.quality) return [stateChip(job)];
  const { share: covered, confidence, faces, verdict } = job.quality;
  const isVideo = job.media !== "image";
  const value = isVideo ? covered : covered && confidence;
  const words = isVideo ? t("{share} with a face", { share: share(value ?? 0, 1) }) : pictureWords(faces, confidence);
  const bar = make("span", { class: "poster-bar" }, make("span", { class: value < 0.75 ? "is-low" : "" }));
  bar.firstChild.style.setProperty("--share", String(value ?? 0));
  return [bar, make("span", { class: "muted small" }, verdict === "partial" ? t("{words}, partial", { words }) : words)];
}

function pictureWords(faces, confidence) {
  return faces ? t("confidence {number}", { number: fixed(confidence ?? 0, 2) }) : t("no face");
}

byId("make").addEventListener("click", request);
byId("more").addEventListener("click", more);
document.addEventListener("session", ({ detail }) => {
  if (loadedAs !== undefined && loadedAs !== detail.key) refresh();
});
refresh();

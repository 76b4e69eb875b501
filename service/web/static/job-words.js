/** A job in words: labels for states, stages, sizes and times on all pages. */

import { make } from "./dom.js";
import { sentence } from "./session.js";
import { adviceText, errorText, fixed, LOCALE, t, tn, whole } from "./texts.js";

const STATES = {
  queued: [t("Waiting"), ""],
  running: [t("Running"), "warn"],
  succeeded: [t("Done"), "good"],
  failed: [t("Failed"), "bad"],
  cancelled: [t("Cancelled"), ""],
  superseded: [t("Superseded"), ""],
};

const STAGES = {
  queued: t("waits for a worker"),
  starting: t("starting on a worker"),
  fetch: t("fetching the file"),
  probe: t("inspecting the file"),
  prepare: t("preparing the file"),
  engine: t("measuring faces"),
  results: t("reading the table"),
  publish: t("publishing the result"),
};

/** Stages of a job between two attempts: its record says running, and no worker holds it. */
const BETWEEN = new Set(["waiting to try again", "handed back"]);

const FINISHED = new Set(["succeeded", "failed", "cancelled", "superseded"]);

export function isFinished(job) {
  return FINISHED.has(job.state);
}

/** "Running", with its colour. */
export function stateChip(job) {
  const [word, colour] = state(job);
  return make("span", { class: `chip ${colour}` }, word);
}

export function stateWord(job) {
  return state(job)[0];
}

function state(job) {
  const known = job.state === "running" && BETWEEN.has(job.stage) ? STATES.queued : STATES[job.state];
  return known ?? [job.state, ""];
}

/** t("measuring faces"); an unknown stage keeps the service's word. */
export function stageWords(stage) {
  return STAGES[stage] ?? stage;
}

const MEDIA = { image: t("image"), video: t("video"), sequence: t("sequence of pictures") };
const MEDIA_TYPES = { wild: t("wild"), posed: t("posed") };

/** "image, wild". */
export function mediaWords({ media, media_type: type }) {
  return `${MEDIA[media] ?? media}, ${mediaTypeWord(type)}`;
}

/** "wild". */
export function mediaTypeWord(type) {
  return MEDIA_TYPES[type] ?? type;
}

/** "4.2 MB"; powers of 1,024, as the service's limits are. */
export function bytes(size) {
  const units = [t("{number} KiB"), t("{number} MiB"), t("{number} GiB")];
  if (size < 1024) return tn("{count} byte", "{count} bytes", size);
  let step = 0;
  size /= 1024;
  while (size >= 1024 && step < units.length - 1) {
    size /= 1024;
    step += 1;
  }
  return units[step].replace("{number}", size < 100 ? fixed(size, 1) : whole(size));
}

/** "0.42 s", "3.1 s", "2 min 5 s", "1 h 12 min". */
export function seconds(value) {
  if (value < 59.95) return t("{number} s", { number: fixed(value, value < 0.995 ? 2 : 1) });
  const all = Math.round(value);
  if (all < 3600) return t("{minutes} min {seconds} s", { minutes: Math.floor(all / 60), seconds: all % 60 });
  return t("{hours} h {minutes} min", { hours: Math.floor(all / 3600), minutes: Math.floor((all % 3600) / 60) });
}

const SHORT = new Intl.DateTimeFormat(LOCALE, { dateStyle: "medium", timeStyle: "short" });
const LONG = new Intl.DateTimeFormat(LOCALE, { dateStyle: "full", timeStyle: "long" });

/** A point in time as this browser writes it. */
export function time(iso) {
  if (!iso) return make("span", { class: "muted" }, "–");
  const date = new Date(iso);
  return make("time", { datetime: iso, title: LONG.format(date) }, SHORT.format(date));
}

/** Seconds between a job's start and its end, or now; null where it has not started. */
export function tookSeconds(job) {
  if (!job.times.started) return null;
  const end = job.times.finished ? new Date(job.times.finished) : new Date();
  return Math.max(0, (end - new Date(job.times.started)) / 1000);
}

/** The last part of a blob's name. */
export function fileName(blob) {
  return blob.slice(blob.lastIndexOf("/") + 1);
}

/** Address of a job's page. */
export function jobPage(id) {
  return `/page/jobs/${encodeURIComponent(id)}`;
}

/** Links to a finished job's report and files. */
export function resultLinks(job) {
  const { links } = job;
  const offered = [
    links.csv && [t("Report"), links.report ?? `${links.self}/report.html`, { class: "button primary", hreflang: "en" }],
    links.csv && [t("Table (CSV)"), links.csv, { class: "button", download: true }],
    links.overlay && [t("Overlay"), links.overlay, { class: "button" }],
    links.aligned && [t("Aligned faces"), links.aligned, { class: "button" }],
    links.manifest && [t("Manifest"), links.manifest, { class: "button" }],
  ];
  const of = make("span", { class: "visually-hidden" }, ` ${t("of {file}", { file: fileName(job.blob) })}`);
  return offered
    .filter(Boolean)
    .map(([name, href, more]) => make("a", { href, ...more }, name, of.cloneNode(true)));
}

/** All downloads of a finished job: label, address and what it is. */
export function downloads({ links }) {
  return [
    [t("Everything (zip)"), links.archive, t("all files below in one archive")],
    [t("Table (CSV)"), links.csv, t("every row as measured, in OpenFace's columns")],
    [t("Tidy table (Parquet)"), links.parquet, t("for pandas, R or DuckDB, with job, quality and exclusions in each row")],
    [t("Summary (JSON)"), links.summary, t("statistics, events, blinks and cautions")],
    [t("Report (HTML)"), links.report, t("one page for reading and printing")],
    [t("Overlay"), links.overlay, t("the media with the measurements drawn into it")],
    [t("Methods (text)"), links.methods, t("for the methods section of a paper")],
    [t("Citations (BibTeX)"), links.citation, t("of the works that the measurements rest on")],
    [t("Manifest (JSON)"), links.manifest, t("engine, versions, steps and checksums")],
  ].filter(([, href]) => href);
}

/** A progress bar with a label for screen readers. */
export function progressBar(job, label) {
  return make("progress", { max: 1, value: job.progress, "aria-label": label });
}

/** A job's error in the page's language, and what to do about it; null without an error. */
export function errorWords({ error }) {
  if (!error) return null;
  return { message: error.message && errorText(error.code, sentence(error.message)), advice: adviceText(error.code, error.advice) };
}

/** A problem's message; where a key is missing, the sign-in form is shown already. */
export function problemWords(problem) {
  return problem.status === 401 ? t("Sign in to go on.") : problem.message;
}

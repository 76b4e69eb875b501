/** A job in words: labels for states, stages, sizes and times on all pages. */

import { make } from "./dom.js";

const STATES = {
  queued: ["Waiting", ""],
  running: ["Running", "warn"],
  succeeded: ["Done", "good"],
  failed: ["Failed", "bad"],
  cancelled: ["Cancelled", ""],
  superseded: ["Superseded", ""],
};

const STAGES = {
  queued: "waits for a worker",
  starting: "starting on a worker",
  fetch: "fetching the file",
  probe: "inspecting the file",
  prepare: "preparing the file",
  engine: "measuring faces",
  results: "reading the table",
  publish: "publishing the result",
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

/** "measuring faces"; an unknown stage keeps the service's word. */
export function stageWords(stage) {
  return STAGES[stage] ?? stage;
}

/** "image, wild". */
export function mediaWords(job) {
  return `${job.media}, ${job.media_type}`;
}

/** "4.2 MB"; powers of 1,024, as the service's limits are. */
export function bytes(size) {
  if (size === 1) return "1 byte";
  const units = ["bytes", "KiB", "MiB", "GiB"];
  let step = 0;
  while (size >= 1024 && step < units.length - 1) {
    size /= 1024;
    step += 1;
  }
  return `${step && size < 100 ? size.toFixed(1) : Math.round(size)} ${units[step]}`;
}

/** "0.42 s", "3.1 s", "2 min 5 s", "1 h 12 min". */
export function seconds(value) {
  if (value < 0.995) return `${value.toFixed(2)} s`;
  if (value < 59.95) return `${value.toFixed(1)} s`;
  const whole = Math.round(value);
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

const SHORT = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const LONG = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "long" });

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
    links.csv && ["Report", links.report ?? `${links.self}/report.html`, { class: "button primary" }],
    links.csv && ["Table (CSV)", links.csv, { class: "button", download: true }],
    links.overlay && ["Overlay", links.overlay, { class: "button" }],
    links.aligned && ["Aligned faces", links.aligned, { class: "button" }],
    links.manifest && ["Manifest", links.manifest, { class: "button" }],
  ];
  const of = make("span", { class: "visually-hidden" }, ` of ${fileName(job.blob)}`);
  return offered
    .filter(Boolean)
    .map(([name, href, more]) => make("a", { href, ...more }, name, of.cloneNode(true)));
}

/** All downloads of a finished job: label, address and what it is. */
export function downloads({ links }) {
  return [
    ["Everything (zip)", links.archive, "all files below in one archive"],
    ["Table (CSV)", links.csv, "every row as measured, in OpenFace's columns"],
    ["Tidy table (Parquet)", links.parquet, "for pandas, R or DuckDB, with job, quality and exclusions in each row"],
    ["Summary (JSON)", links.summary, "statistics, events, blinks and cautions"],
    ["Report (HTML)", links.report, "one page for reading and printing"],
    ["Overlay", links.overlay, "the media with the measurements drawn into it"],
    ["Methods (text)", links.methods, "for the methods section of a paper"],
    ["Citations (BibTeX)", links.citation, "of the works that the measurements rest on"],
    ["Manifest (JSON)", links.manifest, "engine, versions, steps and checksums"],
  ].filter(([, href]) => href);
}

/** A progress bar with a label for screen readers. */
export function progressBar(job, label) {
  return make("progress", { max: 1, value: job.progress, "aria-label": label });
}

/** A problem's message; where a key is missing, the sign-in form is shown already. */
export function problemWords(problem) {
  return problem.status === 401 ? "Sign in to go on." : problem.message;
}

/** A job's page: its stages while it runs, then its result or error, and the time of each step. */

import { byId, fill, make, setText, visible } from "./dom.js";
import { follow } from "./follow.js";
import {
  bytes,
  downloads,
  errorWords,
  fileName,
  isFinished,
  jobPage,
  mediaWords,
  problemWords,
  resultLinks,
  seconds,
  stageWords,
  stateChip,
  stateWord,
  time,
  tookSeconds,
} from "./job-words.js";
import { ask, current } from "./session.js";
import { openPicture } from "./picture-viewer.js";
import { fixed, percent, t, tNodes, whole } from "./texts.js";
import { openViewer } from "./viewer.js";

const STAGES = ["queued", "fetch", "probe", "prepare", "engine", "results", "publish"];
const STEPS = {
  fetch: t("Fetch the file"),
  probe: t("Inspect it"),
  prepare: t("Prepare it"),
  engine: t("Measure"),
  results: t("Read the table"),
  publish: t("Publish"),
  other: t("Everything else"),
};

const id = byId("job").dataset.id;
let hasManifest = false;
let hasShown = false;
/** Key of the last load: null without one, undefined before the first. */
let loadedAs;

async function load() {
  setText(byId("problem"), "");
  try {
    update(await ask(`/jobs/${id}`));
  } catch (problem) {
    lost(problem);
  } finally {
    loadedAs = current().key;
  }
}

function lost(problem) {
  setText(byId("problem"), problemWords(problem));
}

let followed = false;

function update(job) {
  show(job);
  openViewer(job);
  openPicture(job);
  if (isFinished(job)) loadManifest(job);
  else if (!followed) {
    followed = true;
    follow(id, update, lost);
  }
}

// --- the job -------------------------------------------------------------------------------------------------------

function show(job) {
  const name = fileName(job.blob);
  document.title = visible(`${stateWord(job)}: ${name} · Faceline`);
  setText(byId("title"), name);
  fill(byId("chip"), stateChip(job));
  setText(byId("line"), line(job));
  byId("job").hidden = false;
  showProgress(job);
  showError(job);
  showFacts(job);
  byId("result-card").hidden = !(isFinished(job) && job.links.manifest);
  byId("result-card").classList.toggle("is-good", job.state === "succeeded");
  setText(byId("result-title"), job.state === "succeeded" ? t("Result") : t("Before the error"));
  // All files of a result are under Downloads; a failed job has its manifest only.
  fill(byId("links"), ...resultLinks(job).slice(0, job.links.csv ? 1 : undefined));
  showDownloads(job);
  byId("compare").hidden = !job.links.series;
  byId("rerun").hidden = !job.links.rerun;
  byId("cancel").hidden = !job.links.cancel;
}

function showDownloads(job) {
  const offered = job.links.csv ? downloads(job) : [];
  byId("downloads").hidden = !offered.length;
  fill(
    byId("download-list"),
    ...offered.map(([name, href, what]) => make("li", {}, make("a", { href, download: true }, name), make("span", { class: "muted small" }, what))),
  );
  // The address of the downloads is known before they are.
  if (offered.length && location.hash === "#downloads" && !hasShown) byId("downloads").scrollIntoView();
  hasShown ||= offered.length > 0;
}

function line(job) {
  const took = tookSeconds(job);
  if (!isFinished(job)) return t("{share}, {stage}", { share: percent(job.progress), stage: stageWords(job.stage) });
  return took === null ? "" : t("in {time}", { time: seconds(took) });
}

function showProgress(job) {
  byId("progress-card").hidden = isFinished(job);
  byId("bar").value = job.progress;
  const at = STAGES.indexOf(job.stage === "starting" ? "queued" : job.stage);
  const items = STAGES.map((stage, index) =>
    make(
      "li",
      { class: index < at ? "is-past" : null, "aria-current": index === at ? "step" : null },
      stageWords(stage),
    ),
  );
  fill(byId("stages"), ...items);
}

function showError(job) {
  const { error } = job;
  byId("error-card").hidden = !error;
  if (!error) return;
  const titles = { failed: t("Why it failed"), cancelled: t("It was cancelled"), superseded: t("The file was replaced") };
  setText(byId("error-title"), titles[job.state] ?? t("Attempt {number} did not succeed", { number: job.attempts }));
  const { message, advice } = errorWords(job);
  setText(byId("error-message"), message);
  byId("error-message").hidden = !error.message;
  setText(byId("advice"), isFinished(job) ? advice : t("Nothing: the job is retried by itself."));
  setText(byId("error-code"), error.code);
}

function showFacts(job) {
  const { options } = job;
  const always = ["faces", "au", "multi_view"];
  const chosen = Object.entries(options)
    .filter(([name, value]) => value || always.includes(name))
    .map(([name, value]) => `${name}=${typeof value === "boolean" ? Number(value) : value}`);
  const container = `/page/jobs?container=${encodeURIComponent(job.container)}`;
  facts(byId("facts"), [
    [t("File"), job.blob],
    [t("Container"), make("a", { href: container }, job.container)],
    [t("Media"), mediaWords(job)],
    [t("Options"), chosen.join(", ")],
    [t("Attempts"), String(job.attempts)],
    job.generation ? [t("Re-run"), t("number {number}", { number: job.generation })] : null,
    [t("Submitted"), time(job.times.created)],
    [t("Started"), time(job.times.started)],
    [t("Finished"), time(job.times.finished)],
    job.superseded_by ? [t("Newer version"), make("a", { href: jobPage(job.superseded_by) }, t("its job"))] : null,
    [t("Version"), make("code", {}, job.etag)],
    [t("Job id"), make("code", {}, job.id)],
    job.trace_id ? [t("Trace id"), make("code", {}, job.trace_id)] : null,
  ]);
}

/** Name and value by turns; a null is left out. */
function facts(list, rows) {
  fill(list, ...rows.filter(Boolean).flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, value)]));
}

// --- the manifest --------------------------------------------------------------------------------------------------

async function loadManifest(job) {
  if (hasManifest || !job.links.manifest) return;
  hasManifest = true;
  try {
    const manifest = await ask(job.links.manifest);
    showSteps(manifest.seconds);
    showResult(manifest);
    byId("manifest-card").hidden = false;
    setText(byId("manifest"), JSON.stringify(manifest, null, 2));
  } catch (problem) {
    // A failed job may have no manifest; its record has the error.
    if (job.state === "failed" && problem.status === 404) byId("result-card").hidden = true;
    else lost(problem);
  }
}

function showSteps(taken) {
  const steps = Object.entries(taken).filter(([step, value]) => step !== "total" && value !== null);
  if (!taken.total || !steps.length) return;
  const rest = taken.total - steps.reduce((sum, [, value]) => sum + value, 0);
  if (rest > 0.0005) steps.push(["other", rest]);
  const longest = Math.max(...steps.map(([, value]) => value));
  byId("steps-card").hidden = false;
  fill(
    byId("steps"),
    ...steps.map(([step, value]) => stepRow(STEPS[step] ?? step, value, value / longest)),
    make("tr", { class: "total" }, make("th", { scope: "row" }, t("Total")), number(taken.total), make("td")),
  );
}

function stepRow(name, value, share) {
  const bar = make("span", { class: "step-bar" });
  bar.style.setProperty("--share", share.toFixed(4));
  return make("tr", {}, make("th", { scope: "row" }, name), number(value), make("td", { "aria-hidden": "true" }, bar));
}

function number(value) {
  return make("td", { class: "number" }, fixed(value, 3));
}

function showResult(manifest) {
  const { engine, frames, completeness, csv, media } = manifest;
  const verdict = completeness && (completeness.verdict === "complete" ? t("complete") : partial(completeness.reason));
  facts(byId("result-facts"), [
    completeness ? [t("Table"), verdict] : null,
    manifest.faces === null ? null : [t("Faces"), whole(manifest.faces)],
    frames ? [t("Frames"), t("{written} of {expected} written, a face in {success}", { ...frames, expected: frames.expected ?? "?" })] : null,
    csv ? [t("Rows"), t("{rows}, each of {columns} columns; {size} in all", { ...csv, size: bytes(csv.bytes) })] : null,
    media.probe ? [t("Media"), probeWords(media)] : null,
    media.preparation.length ? [t("Prepared"), english(media.preparation.join("; "))] : null,
    engine ? [t("Engine"), [engine.name, engine.version].filter(Boolean).join(" ")] : null,
    engine ? [t("Licence"), engine.licence_class] : null,
  ]);
}

function partial(reason) {
  return make("span", {}, ...tNodes("partial: {reason}", { reason: english(reason) }));
}

/** What the service says in its own words. */
function english(words) {
  return make("span", { lang: "en" }, words);
}

function probeWords({ probe, bytes: size }) {
  const parts = [`${probe.width} × ${probe.height}`, probe.codec];
  if (probe.duration_s) parts.push(seconds(probe.duration_s), t("{number} frames a second", { number: Number(probe.frame_rate.toFixed(2)) }));
  if (size) parts.push(bytes(size));
  return parts.join(", ");
}

// --- rerun and cancel ----------------------------------------------------------------------------------------------

async function order(button, path) {
  button.disabled = true;
  setText(byId("problem"), "");
  try {
    return await ask(path, { method: "POST" });
  } catch (problem) {
    lost(problem);
    return null;
  } finally {
    button.disabled = false;
  }
}

byId("rerun").addEventListener("click", async (event) => {
  const job = await order(event.currentTarget, `/jobs/${id}/rerun`);
  if (job) location.assign(jobPage(job.id));
});

byId("cancel").addEventListener("click", () => {
  byId("sure").returnValue = "no";
  byId("sure").showModal();
});

byId("sure").addEventListener("close", async () => {
  if (byId("sure").returnValue !== "yes") return;
  const job = await order(byId("cancel"), `/jobs/${id}/cancel`);
  if (!job) return;
  show(job);
  if (!isFinished(job)) setText(byId("line"), t("It is being cancelled."));
  else byId("title").focus();
});

document.addEventListener("session", ({ detail }) => {
  if (loadedAs !== undefined && loadedAs !== detail.key) load();
});
load();

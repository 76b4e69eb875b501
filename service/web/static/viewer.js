/** The viewer of a finished video: player with overlay, timeline, and the values of the current frame. */

import { byId, make, setText } from "./dom.js";
import { Exclusions } from "./exclusions.js";
import { problemWords } from "./job-words.js";
import { drawFaces } from "./overlay.js";
import { faceOf, rowAt, Series } from "./series.js";
import { ask } from "./session.js";
import { degrees, fixed, t } from "./texts.js";
import { clock, Timeline } from "./timeline.js";
import { UnitBars } from "./unit-bars.js";

const ZOOM = 2;
const LEAST_VIEW_S = 0.5;
const DEGREES = 180 / Math.PI;
const KEYS = { ArrowLeft: -1, ArrowRight: 1 };

const video = byId("player");
const layers = new Set(["boxes", "landmarks", "pose", "gaze"]);
const timeline = new Timeline(byId("timeline-canvas"), (seconds) => seek(seconds), (words) => setText(byId("timeline-values"), words));
const exclusions = new Exclusions(timeline, { now: () => now, frameSeconds: () => series.frameSeconds, seek, changed: () => series?.head && refresh() });
const bars = new UnitBars(byId("viewer-units"), (column) => timeline.selectUnit(column));
let series = null;
let view = [0, 1];
let now = 0;

/** Open the viewer of a finished job with a series. */
export async function openViewer(job) {
  if (series || !job.links.series) return;
  series = new Series(job.links.series);
  byId("viewer").hidden = false;
  playFirst([
    () => job.links.media,
    // A copy with the measurements drawn in, where the job has one.
    job.links.overlay && (() => (showOverlay(false), job.links.overlay)),
    () => proxyOf(job),
  ].filter(Boolean));
  if (job.links.annotations) exclusions.open(job.links.annotations);
  await openFace(null);
}

async function openFace(face) {
  setText(byId("viewer-problem"), "");
  try {
    const head = await series.open(face, timeline.points);
    if (head.face === null) {
      setText(byId("viewer-problem"), t("The table has no rows: there is nothing to show."));
      return;
    }
    byId("viewer-stage").style.setProperty("--aspect", head.width / head.height);
    listFaces(head);
    bars.make(Object.keys(head.low).filter((name) => /^AU\d\d_r$/.test(name)));
    view = whole();
    timeline.show(head, view);
    setText(byId("timeline-marks"), marksWords(head));
    setSlider();
    moved(Math.max(now, head.begins_s));
  } catch (problem) {
    setText(byId("viewer-problem"), problemWords(problem));
  }
}

/** The marks in words, for those who do not see them. */
function marksWords({ marks: { counts }, faces, face }) {
  const { rows } = faces.find((each) => each.face_id === face);
  return [
    t("Blinks: {count}.", { count: counts.blinks }),
    counts.closures && t("Longer closures of the eyes: {count}.", { count: counts.closures }),
    t("Gaps: {count}.", { count: counts.gaps }),
    t("Rows below the quality gate: {count} of {rows}.", { count: counts.rows_below_gate, rows }),
  ].filter(Boolean).join(" ");
}

function listFaces({ faces, face }) {
  byId("viewer-faces").hidden = faces.length < 2;
  byId("viewer-face").replaceChildren(...faces.map((each) => make("option", { value: each.face_id, selected: each.face_id === face }, t("{face} ({rows} rows)", { face: each.face_id, rows: each.rows }))));
}

// --- the media ---------------------------------------------------------------------------------------------------------

/** Play the first of some sources that this browser can play and seek in. */
function playFirst(sources) {
  const next = async () => {
    const source = sources.shift();
    try {
      if (source) video.src = await source();
      else giveUp();
    } catch {
      giveUp();
    }
  };
  video.addEventListener("error", next);
  // A film without a picture track that it knows plays as sound; one without an index cannot be sought in.
  video.addEventListener("loadedmetadata", () => (!video.videoWidth || video.duration === Infinity) && next());
  next();
}

/** Wait for the copy of the video that the service makes for browsers; says what it does meanwhile. */
async function proxyOf(job) {
  showOverlay(true);
  for (;;) {
    try {
      // Of one byte: the player asks for the rest.
      await ask(job.links.proxy, { raw: true, headers: { Range: "bytes=0-0" } });
      break;
    } catch (problem) {
      if (problem.code !== "being_made") throw problem;
      setText(byId("viewer-note"), t("Making a copy of the video that this browser can play…"));
      await new Promise((resolve) => setTimeout(resolve, 1000 * Math.max(2, problem.retryAfter)));
    }
  }
  setText(byId("viewer-note"), t("This browser cannot play the video itself: it shows a smaller copy. The numbers are those of the video."));
  return job.links.proxy;
}

function showOverlay(isShown) {
  byId("viewer-layers").hidden = byId("player-overlay").hidden = !isShown;
}

function giveUp() {
  setText(byId("viewer-note"), "");
  setText(byId("viewer-problem"), t("This browser cannot play the video, or it was deleted. The curves and values below still work."));
  byId("viewer-stage").hidden = true;
  byId("play").disabled = true;
}

// --- time ------------------------------------------------------------------------------------------------------------

function whole() {
  const { begins_s: begins, ends_s: ends } = series.head;
  return [Math.min(0, begins), Math.max(ends, begins + LEAST_VIEW_S)];
}

/** Go to a moment; the frame that is shown there follows. */
function seek(seconds) {
  const [from, to] = whole();
  const wanted = Math.max(from, Math.min(to, seconds));
  // A little later than its begin, so that rounding does not show the frame before.
  if (!byId("viewer-stage").hidden) video.currentTime = wanted + series.frameSeconds / 4;
  moved(wanted);
}

function step(frames) {
  const rows = series.around(now, refresh);
  const at = rows ? rowAt(rows, now, series.frameSeconds) : -1;
  seek(rows?.time[at + frames] !== undefined && at >= 0 ? rows.time[at + frames] : now + frames * series.frameSeconds);
}

function moved(seconds) {
  now = seconds;
  timeline.move(now);
  refresh();
}

/** Follow the player: the presentation time of the frame that is on the screen. */
function followFrames() {
  if (!video.requestVideoFrameCallback) return;
  video.requestVideoFrameCallback((_, { mediaTime }) => {
    // While it seeks, this is a frame of before: it would undo the step that is under way.
    if (series?.head && !video.seeking) moved(mediaTime);
    if (!video.paused && now > view[1]) shift();
    followFrames();
  });
}

function shift() {
  const length = view[1] - view[0];
  setView([now, now + length]);
}

async function setView([from, to]) {
  const [least, most] = whole();
  const length = Math.min(Math.max(to - from, LEAST_VIEW_S), most - least);
  const begin = Math.max(least, Math.min(from, most - length));
  view = [begin, begin + length];
  try {
    const wanted = view;
    const data = await series.overview(view[0], view[1], timeline.points);
    if (wanted === view) timeline.show(data, view);
  } catch (problem) {
    setText(byId("viewer-problem"), problemWords(problem));
  }
}

function zoom(factor) {
  const length = (view[1] - view[0]) / factor;
  const share = (now - view[0]) / (view[1] - view[0]);
  const begin = share >= 0 && share <= 1 ? now - share * length : (view[0] + view[1] - length) / 2;
  setView([begin, begin + length]);
}

// --- the current frame -------------------------------------------------------------------------------------------------

function refresh() {
  const rows = series.around(now, refresh);
  const at = rows ? rowAt(rows, now, series.frameSeconds) : -1;
  setSlider(rows, at);
  const canvas = byId("player-overlay");
  const face = at >= 0 ? faceOf(rows, at) : null;
  const shown = new Set(layers);
  if (face && !face.head_pose) shown.delete("pose");
  drawFaces(canvas, series.head, face ? [face] : [], shown, face);
  canvas.dataset.frame = at >= 0 ? rows.frame[at] : "";
  showValues(rows, at);
}

function setSlider(rows = null, at = -1) {
  const [from, to] = whole();
  const slider = byId("timeline");
  const moment = { now: fixed(now, 2), whole: fixed(to, 2), frame: String(rows?.frame[at] ?? "") };
  const words = at >= 0 ? t("{now} s of {whole} s, frame {frame}", moment) : t("{now} s of {whole} s", moment);
  for (const [name, value] of Object.entries({ valuemin: from, valuemax: to, valuenow: now })) slider.setAttribute(`aria-${name}`, value.toFixed(3));
  slider.setAttribute("aria-valuetext", words);
  setText(byId("viewer-time"), at >= 0 ? t("{time} · frame {frame}", { time: clock(now, 0.01), frame: moment.frame }) : clock(now, 0.01));
}

function showValues(rows, at) {
  const value = (name) => (at >= 0 ? (rows.low[name]?.[at] ?? null) : null);
  bars.show(value);
  const angles = (names, scale) => names.map((name) => (value(name) === null ? "–" : degrees(value(name) * scale))).join(", ");
  const confidence = value("confidence");
  const isUsed = value("success") !== 0 && confidence !== null && confidence >= 0.75;
  const notes = [!isUsed && t("below the quality gate"), at >= 0 && exclusions.at(rows.time[at]) && t("excluded")].filter(Boolean);
  setText(byId("viewer-confidence"), confidence === null ? t("no row at this moment") : [fixed(confidence, 2), ...notes].join(", "));
  setText(byId("viewer-head"), angles(["pose_Rx", "pose_Ry", "pose_Rz"], DEGREES));
  setText(byId("viewer-gaze"), angles(["gaze_angle_x", "gaze_angle_y"], DEGREES));
}

// --- controls ------------------------------------------------------------------------------------------------------------

function togglePlay() {
  if (byId("play").disabled) return;
  if (video.paused) video.play().catch(() => {});
  else video.pause();
}

for (const name of ["play", "pause", "ended"]) {
  video.addEventListener(name, () => setText(byId("play"), video.paused ? t("Play") : t("Pause")));
}
// Without frame callbacks the player's own time, a few times a second, has to do.
video.addEventListener("timeupdate", () => {
  if (!video.requestVideoFrameCallback && series?.head) moved(video.currentTime);
});
// The frame may have come before the player said that the seek is over.
video.addEventListener("seeked", () => series?.head && refresh());
video.addEventListener("loadedmetadata", () => series?.head && refresh());
byId("play").addEventListener("click", togglePlay);
byId("step-back").addEventListener("click", () => step(-1));
byId("step-on").addEventListener("click", () => step(1));
byId("zoom-in").addEventListener("click", () => zoom(ZOOM));
byId("zoom-out").addEventListener("click", () => zoom(1 / ZOOM));
byId("zoom-all").addEventListener("click", () => setView(whole()));
byId("viewer-face").addEventListener("change", ({ target }) => openFace(Number(target.value)));
byId("viewer-layers").addEventListener("change", ({ target }) => {
  if (target.checked) layers.add(target.name);
  else layers.delete(target.name);
  refresh();
});
byId("timeline").addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || !series?.head) return;
  const [from, to] = whole();
  const acts = {
    " ": togglePlay,
    Home: () => seek(from),
    End: () => seek(series.head.ends_s),
    PageUp: () => seek(now - 10),
    PageDown: () => seek(now + 10),
    "+": () => zoom(ZOOM),
    "-": () => zoom(1 / ZOOM),
    0: () => setView([from, to]),
  };
  const act = event.key in KEYS ? () => (event.shiftKey ? seek(now + KEYS[event.key]) : step(KEYS[event.key])) : acts[event.key];
  if (!act) return;
  event.preventDefault();
  act();
});
new ResizeObserver(() => series?.head && refresh()).observe(byId("viewer-stage"));
followFrames();

/** The camera of *Try a picture*: take a photo, watch the live overlay, record a clip. */

import { Camera } from "./camera.js";
import { byId as $, setText } from "./dom.js";
import { jobPage } from "./job-words.js";
import { Live } from "./live.js";
import { analyseClip, LONGEST_S, Recorder } from "./recorder.js";
import { degrees, fixed, percent, t } from "./texts.js";
import { clock } from "./timeline.js";
import { UnitBars } from "./unit-bars.js";
import { countFaces, gazeWords, intensities, poseWords } from "./words.js";

const TICK_MS = 250;

const page = $("try");
const camera = new Camera($("viewfinder"));
const layers = new Set(["boxes", "landmarks", "pose", "gaze"]);
const live = new Live(camera, $("live-overlay"), layers, { found: showLive, failed: failed }, Number(page.dataset.confidence));
const bars = new UnitBars($("live-units"));
const recorder = new Recorder(() => keepClip());
let sending = null;
let ticking = null;
let lastCount = -1;
let onPhoto = () => {};

/** @param {(photo: File) => Promise<void>} take called with a photo */
export function onCameraPhoto(take) {
  onPhoto = take;
}

async function openCamera(how) {
  $("camera").hidden = false;
  failed({ message: "" });
  try {
    await how();
    $("camera-stage").hidden = $("camera-controls").hidden = false;
    $("camera-stage").classList.toggle("is-mirror", camera.isMirror);
    $("turn").hidden = !(await camera.hasOther());
    $("shoot").focus();
  } catch (error) {
    $("camera-stage").hidden = $("camera-controls").hidden = true;
    failed(error);
  }
}

async function closeCamera() {
  live.stop();
  sending?.abort();
  if (recorder.isOn) await recorder.stop();
  showRecording();
  camera.close();
  $("camera").hidden = $("camera-stage").hidden = $("camera-controls").hidden = true;
  $("open-camera").focus();
}

function failed(error) {
  $("camera-problem").textContent = error.message;
}

// --- the live overlay ------------------------------------------------------------------------------------------------

async function toggleLive() {
  if (live.isOn) {
    live.stop();
    return;
  }
  failed({ message: "" });
  lastCount = -1;
  $("live").setAttribute("aria-pressed", "true");
  $("camera-view").classList.add("is-live");
  $("live-layers").hidden = false;
  await live.start();
  $("live").setAttribute("aria-pressed", "false");
  $("camera-view").classList.remove("is-live", "is-covered");
  $("live-numbers").hidden = $("live-layers").hidden = true;
  setText($("live-speed"), "");
}

function showLive({ faces }, perSecond) {
  $("camera-view").classList.add("is-covered");
  const [face] = faces;
  setText($("live-speed"), t("{number} pictures a second", { number: fixed(perSecond, 1) }));
  $("live-numbers").hidden = !face;
  if (face) {
    setText($("live-confidence"), percent(face.confidence));
    const { pitch, yaw, roll } = face.head_pose.rotation_deg;
    setText($("live-head"), poseWords(face));
    setText($("live-gaze"), gazeWords(face) || t("not measured"));
    setText($("live-angles"), t("head {head}; gaze {gaze}", { head: listed([pitch, yaw, roll]), gaze: face.gaze ? listed(face.gaze.angle_deg) : "–" }));
    // In the order of their numbers: sorted by strength they would change places all the time.
    bars.make(intensities(face).map(([column]) => column).sort());
    bars.show((column) => face.action_units[column]?.intensity ?? null);
  }
  if (faces.length === lastCount) return;
  lastCount = faces.length;
  $("summary").textContent = t("{faces} before the camera.", { faces: countFaces(faces.length) });
}

function listed(angles) {
  return angles.map(degrees).join(", ");
}

// --- a clip ----------------------------------------------------------------------------------------------------------

function toggleRecording() {
  if (recorder.isOn) {
    keepClip();
    return;
  }
  failed({ message: "" });
  try {
    recorder.start(camera.stream);
    ticking = setInterval(showRecording, TICK_MS);
    setText($("clip-words"), "");
  } catch (error) {
    failed(error);
  }
  showRecording();
}

async function discardClip() {
  await recorder.stop();
  setText($("clip-words"), t("The clip was discarded."));
  showRecording();
}

/** End the clip, send it, and open its job's page. */
async function keepClip() {
  const seconds = recorder.seconds;
  const clip = await recorder.stop();
  showRecording();
  live.stop();
  sending = new AbortController();
  $("record").disabled = true;
  const say = (share) => setText($("clip-words"), t("Clip of {length}: {share} uploaded", { length: clock(seconds, 1), share: percent(share) }));
  try {
    say(0);
    const job = await analyseClip(clip, page.dataset.mediaType, say, sending.signal);
    camera.close();
    location.assign(jobPage(job.id));
  } catch (error) {
    setText($("clip-words"), "");
    if (error.name !== "AbortError") failed(error);
  } finally {
    sending = null;
    $("record").disabled = false;
  }
}

function showRecording() {
  const { isOn } = recorder;
  if (!isOn) clearInterval(ticking);
  setText($("record"), isOn ? t("Stop and measure the clip") : t("Record a clip"));
  $("record").setAttribute("aria-pressed", String(isOn));
  $("discard").hidden = !isOn;
  $("shoot").disabled = $("turn").disabled = isOn;
  if (isOn) setText($("clip-words"), t("Recording, {now} of at most {most}", { now: clock(Math.floor(recorder.seconds), 1), most: clock(LONGEST_S) }));
}

$("open-camera").addEventListener("click", () => openCamera(() => camera.open()));
$("turn").addEventListener("click", () => openCamera(() => camera.turn()));
$("close-camera").addEventListener("click", closeCamera);
$("shoot").addEventListener("click", async () => {
  const photo = await camera.photo();
  await closeCamera();
  await onPhoto(photo);
});
$("live").addEventListener("click", toggleLive);
$("live-layers").addEventListener("change", ({ target }) => {
  if (target.checked) layers.add(target.name);
  else layers.delete(target.name);
});
$("record").addEventListener("click", toggleRecording);
$("discard").addEventListener("click", discardClip);
// A camera that is left on drains a phone's battery.
window.addEventListener("pagehide", () => camera.close());

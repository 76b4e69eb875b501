/** *Try a picture*: analyse a chosen, dropped, pasted or photographed picture; draw and list its measurements. */

import { ask, Problem } from "./session.js";
import { onCameraPhoto } from "./camera-card.js";
import { byId as $, make } from "./dom.js";
import { showPose, showUnits } from "./measures.js";
import { drawCloseUp, drawFaces } from "./overlay.js";
import { empty, fitting } from "./reduce.js";
import { percent, t, tn } from "./texts.js";
import { summary } from "./words.js";

const page = $("try");
const limits = { maxBytes: Number(page.dataset.maxBytes), maxPixels: Number(page.dataset.maxPixels) };
const slider = $("confidence");
const layers = new Set(["boxes", "landmarks", "pose", "gaze"]);

/** The last response, and the selected face. */
let answer = null;
let selected = null;
let asking = new AbortController();

slider.min = Math.min(Number(slider.min), Number(page.dataset.confidence));
slider.value = page.dataset.confidence;

// --- a picture in ------------------------------------------------------

/** @param {File} file */
async function analyse(file) {
  asking.abort();
  const mine = (asking = new AbortController());
  showProblem("");
  page.classList.add("is-busy");
  $("summary").textContent = t("Measuring…");
  endPreview();
  const showing = preview(file, mine);
  try {
    const { blob, reduced } = await fitting(file, limits);
    const options = { method: "POST", body: blob, headers: { "Content-Type": blob.type }, signal: mine.signal };
    // Ask once for all faces above the slider's minimum: the slider then filters them here.
    const faces = await ask(`/api/analyse-image?confidence=${slider.min}`, options);
    await showing;
    await show(file, faces, reduced, mine);
  } catch (error) {
    await showing;
    if (mine.signal.aborted) return;
    endPreview();
    // The measurements before are still shown.
    $("summary").textContent = answer ? words() : "";
    showProblem(error instanceof Problem ? error.message : t("An error in this page: {message}", { message: error.message }));
  } finally {
    if (mine === asking) page.classList.remove("is-busy");
  }
}

/** Show a picture before it is measured, where this browser can read it. */
async function preview(file, mine) {
  const source = URL.createObjectURL(file);
  const image = Object.assign(new Image(), { src: source });
  const isReadable = await image.decode().then(() => true, () => false);
  if (isReadable && !mine.signal.aborted) {
    $("preview").src = source;
    await $("preview").decode().catch(() => {});
    page.classList.add("is-previewing");
    $("preview-card").hidden = false;
    $("preview-card").scrollIntoView({ block: "nearest" });
  }
  URL.revokeObjectURL(source);
}

function endPreview() {
  page.classList.remove("is-previewing");
  $("preview-card").hidden = true;
}

async function show(file, measured, reduced, mine) {
  const image = $("picture");
  const source = URL.createObjectURL(file);
  const before = image.src;
  image.src = source;
  await image.decode().catch(async () => {
    // A kind that only the service reads: the measurements are drawn on an empty picture.
    image.src = URL.createObjectURL(await empty(measured.width, measured.height));
    reduced = t("this browser cannot show its pixels");
    await image.decode();
  });
  if (before) URL.revokeObjectURL(before);
  if (mine.signal.aborted) return;
  answer = measured;
  selected = null;
  endPreview();
  page.classList.add("has-result");
  $("result").hidden = false;
  $("picture-name").textContent = [file.name, reduced].filter(Boolean).join(" · ");
  const { name, version } = measured.engine;
  $("measured-by").textContent = t("{engine}, {number} ms", { engine: [name, version].filter(Boolean).join(" "), number: Math.round(measured.seconds * 1000) });
  render();
}

function showProblem(message) {
  $("problem").textContent = message;
}

function take(files) {
  if (files?.length) analyse(files[0]);
}

$("choose").addEventListener("click", () => $("file").click());
$("file").addEventListener("change", (event) => {
  take(event.target.files);
  // The same file can be chosen again.
  event.target.value = "";
});
document.addEventListener("paste", (event) => {
  if (!event.clipboardData?.files.length) return;
  event.preventDefault();
  take(event.clipboardData.files);
});

// A drop beside the frame counts as well; else the browser would leave the page.
let over = 0;
const hasFiles = (event) => event.dataTransfer?.types.includes("Files");
document.addEventListener("dragenter", (event) => {
  if (hasFiles(event)) $("drop").classList.toggle("is-over", ++over > 0);
});
document.addEventListener("dragleave", (event) => {
  if (hasFiles(event)) $("drop").classList.toggle("is-over", --over > 0);
});
document.addEventListener("dragover", (event) => event.preventDefault());
document.addEventListener("drop", (event) => {
  event.preventDefault();
  over = 0;
  $("drop").classList.remove("is-over");
  if (event.dataTransfer.files.length) take(event.dataTransfer.files);
  else showProblem(t("This is not a file. Save the picture first, then drop it here."));
});

// --- measurements ------------------------------------------------------

function shownFaces() {
  return answer.faces.filter((face) => face.confidence >= Number(slider.value));
}

/** Summarise the shown faces. */
function words() {
  return summary(shownFaces(), answer.faces, Number(slider.value));
}

/** Render everything that depends on the response, the confidence and the selected face. */
function render() {
  const shown = shownFaces();
  if (!shown.includes(selected)) selected = shown[0] ?? null;
  $("summary").textContent = words();
  $("picture").alt = tn("The picture, with {count} face marked", "The picture, with {count} faces marked", shown.length);
  listFaces(shown);
  renderFace();
  writeJson();
}

function renderFace() {
  $("numbers").hidden = !selected;
  if (selected) {
    showPose($("pose"), selected);
    showUnits($("units"), $("units-left-out"), selected);
  }
  draw();
}

function draw() {
  if (!answer) return;
  drawFaces($("overlay"), answer, shownFaces(), layers, selected);
  if (selected) drawCloseUp($("close-up"), $("picture"), answer, selected, layers);
}

function listFaces(shown) {
  const choices = shown.map((face, at) => {
    const radio = make("input", { type: "radio", name: "face", value: at });
    radio.checked = face === selected;
    return make("label", { class: "face" }, radio, t("Face {number}", { number: at + 1 }), make("span", { class: "number" }, percent(face.confidence)));
  });
  $("faces").replaceChildren($("faces").querySelector("legend"), ...choices);
  if (!shown.length) $("faces").append(make("p", { class: "muted" }, t("No face to show. A lower confidence may show one.")));
}

function select(at) {
  selected = shownFaces()[at];
  $("faces").querySelectorAll("input")[at].checked = true;
  renderFace();
}

$("faces").addEventListener("change", (event) => select(Number(event.target.value)));
$("stage").addEventListener("click", (event) => {
  const frame = $("overlay").getBoundingClientRect();
  const x = ((event.clientX - frame.left) / frame.width) * answer.width;
  const y = ((event.clientY - frame.top) / frame.height) * answer.height;
  const hit = ({ box: [left, top, width, height] }) => x >= left && y >= top && x <= left + width && y <= top + height;
  const at = shownFaces().findLastIndex(hit);
  if (at >= 0) select(at);
});
$("layers").addEventListener("change", ({ target }) => {
  if (target.checked) layers.add(target.name);
  else layers.delete(target.name);
  draw();
});
slider.addEventListener("input", () => {
  writeConfidence();
  if (answer) render();
});

function writeConfidence() {
  $("confidence-shown").textContent = percent(Number(slider.value));
  slider.setAttribute("aria-valuetext", percent(Number(slider.value)));
}

writeConfidence();
new ResizeObserver(draw).observe($("stage"));
// Another screen or zoom has another number of pixels at the same size.
(function followResolution() {
  const now = matchMedia(`(resolution: ${window.devicePixelRatio}dppx)`);
  now.addEventListener("change", () => (draw(), followResolution()), { once: true });
})();

// --- as JSON -----------------------------------------------------------

/** The API's response at this confidence; short arrays of numbers on one line. */
function jsonText() {
  const text = JSON.stringify({ ...answer, faces: shownFaces() }, null, 2);
  return text.replace(/\[[\s\d.,eE+-]+\]/g, (numbers) => numbers.replace(/\s+/g, " ").replace("[ ", "[").replace(" ]", "]"));
}

function writeJson() {
  $("copied").textContent = "";
  if ($("json").open && answer) $("json-text").textContent = jsonText();
}

$("json").addEventListener("toggle", writeJson);
$("copy").addEventListener("click", async () => {
  try {
    await navigator.clipboard.writeText(jsonText());
    $("copied").textContent = t("Copied.");
  } catch {
    getSelection().selectAllChildren($("json-text"));
    $("copied").textContent = t("Selected: copy it with the keyboard.");
  }
});

onCameraPhoto(analyse);

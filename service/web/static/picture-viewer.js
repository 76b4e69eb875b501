/** The viewer of a finished picture: faces numbered in the picture and in the list, one of them selected. */

import { byId, make, setText } from "./dom.js";
import { problemWords } from "./job-words.js";
import { showPose, showUnits } from "./measures.js";
import { drawFaces } from "./overlay.js";
import { ask } from "./session.js";
import { percent, t } from "./texts.js";
import { countFaces } from "./words.js";

const layers = new Set(["boxes", "landmarks", "pose", "gaze"]);
let answer = null;
let selected = null;

/** Open the viewer of a finished job on a picture. */
export async function openPicture(job) {
  if (answer || !job.links.faces) return;
  byId("faces-card").hidden = false;
  try {
    answer = await ask(job.links.faces);
  } catch (problem) {
    setText(byId("faces-problem"), problemWords(problem));
    return;
  }
  byId("faces-stage").style.setProperty("--aspect", answer.width / answer.height);
  showMedia(job.links.media);
  listFaces();
  select(0);
}

function showMedia(href) {
  const image = byId("analysed-picture");
  image.addEventListener("error", () => {
    image.hidden = true;
    setText(byId("faces-note"), t("This browser cannot show the picture, or it was deleted. Its measurements are drawn without it."));
  });
  if (href) image.src = href;
}

function listFaces() {
  const { faces } = answer;
  setText(byId("faces-count"), countFaces(faces.length));
  byId("faces-numbers").hidden = !faces.length;
  const choices = faces.map((face, at) => {
    const radio = make("input", { type: "radio", name: "picture-face", value: at });
    return make("label", { class: "face" }, radio, t("Face {number}", { number: face.face }), make("span", { class: "number" }, percent(face.confidence)));
  });
  byId("picture-faces").replaceChildren(byId("picture-faces").querySelector("legend"), ...choices);
}

function select(at) {
  selected = answer.faces[at] ?? null;
  if (selected) {
    byId("picture-faces").querySelectorAll("input")[at].checked = true;
    showPose(byId("picture-pose"), selected);
    showUnits(byId("picture-units"), byId("picture-units-left-out"), selected);
  }
  draw();
}

function draw() {
  if (!answer) return;
  const known = (face) => new Set([...layers].filter((layer) => layer !== "pose" || face.head_pose));
  const everywhere = answer.faces.every((face) => face.head_pose) ? layers : known({ head_pose: null });
  drawFaces(byId("faces-overlay"), answer, answer.faces, everywhere, selected);
}

byId("picture-faces").addEventListener("change", ({ target }) => select(Number(target.value)));
byId("faces-stage").addEventListener("click", ({ clientX, clientY }) => {
  if (!answer) return;
  const frame = byId("faces-overlay").getBoundingClientRect();
  const x = ((clientX - frame.left) / frame.width) * answer.width;
  const y = ((clientY - frame.top) / frame.height) * answer.height;
  const at = answer.faces.findLastIndex(({ box: [left, top, width, height] }) => x >= left && y >= top && x <= left + width && y <= top + height);
  if (at >= 0) select(at);
});
byId("faces-layers").addEventListener("change", ({ target }) => {
  if (target.checked) layers.add(target.name);
  else layers.delete(target.name);
  draw();
});
new ResizeObserver(draw).observe(byId("faces-stage"));

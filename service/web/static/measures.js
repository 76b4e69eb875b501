/** The numbers of one face: pose, gaze, and a bar for each action unit. */

import { make } from "./dom.js";
import { gazeWords, intensities, percent, poseWords, SUPPORT, unitCode, unitName } from "./words.js";

const HIGHEST = 5;

/** @param {HTMLElement} list a `dl` */
export function showPose(list, face) {
  if (!face.head_pose) {
    list.replaceChildren(make("dt", {}, "Confidence"), make("dd", {}, percent(face.confidence)));
    return;
  }
  const { rotation_deg: angles, translation_mm: [, , z] } = face.head_pose;
  const rows = [
    ["Confidence", percent(face.confidence)],
    ["Head", capital(poseWords(face))],
    ["Gaze", capital(gazeWords(face)) || "not measured"],
    ["Head angles", `pitch ${degrees(angles.pitch)}, yaw ${degrees(angles.yaw)}, roll ${degrees(angles.roll)}, in camera coordinates`],
    ["Distance", `about ${Math.round(z / 10)} cm, with an assumed focal length`],
    face.gaze && ["Gaze angles", `${degrees(face.gaze.angle_deg[0])} across, ${degrees(face.gaze.angle_deg[1])} down, in camera coordinates`],
  ];
  list.replaceChildren(...rows.filter(Boolean).flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, value)]));
}

/**
 * @param {HTMLElement} body of the table
 * @param {HTMLElement} leftOut names those without a number
 */
export function showUnits(body, leftOut, face) {
  body.replaceChildren(...intensities(face).map(([column, unit]) => unitRow(column, unit)));
  const missing = Object.entries(face.action_units)
    .filter(([column, unit]) => column.endsWith("_r") && typeof unit.intensity !== "number")
    .map(([column]) => unitCode(column));
  leftOut.textContent = missing.length ? `Not measured by this engine: ${missing.join(", ")}.` : "";
}

function unitRow(column, unit) {
  const { words, kind } = SUPPORT[unit.support];
  const filled = make("span", { class: `bar-filled ${kind}` });
  filled.style.setProperty("--share", unit.intensity / HIGHEST);
  return make(
    "tr",
    {},
    make("th", { scope: "row" }, make("span", { class: "number" }, unitCode(column)), make("span", { class: "unit-name" }, unitName(column))),
    make(
      "td",
      { class: "unit-measured" },
      make("span", { class: "number" }, unit.intensity.toFixed(2)),
      make("span", { class: "bar", "aria-hidden": "true" }, filled),
    ),
    make("td", {}, make("span", { class: `chip ${kind}` }, words)),
  );
}

function capital(words) {
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** With a real minus sign, and no minus zero. */
function degrees(value) {
  const rounded = (Math.round(value * 10) / 10 + 0).toFixed(1);
  return `${rounded.replace("-", "−")}°`;
}

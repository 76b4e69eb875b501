/** The numbers of one face: pose, gaze, and a bar for each action unit. */

import { make } from "./dom.js";
import { degrees, fixed, percent, t } from "./texts.js";
import { capital, gazeWords, intensities, poseWords, SUPPORT, unitCode, unitName } from "./words.js";

const HIGHEST = 5;

/** @param {HTMLElement} list a `dl` */
export function showPose(list, face) {
  if (!face.head_pose) {
    list.replaceChildren(make("dt", {}, t("Confidence")), make("dd", {}, percent(face.confidence)));
    return;
  }
  const { rotation_deg: angles, translation_mm: [, , z] } = face.head_pose;
  const rows = [
    [t("Confidence"), percent(face.confidence)],
    [t("Head"), capital(poseWords(face))],
    [t("Gaze"), capital(gazeWords(face)) || t("not measured")],
    [t("Head angles"), t("pitch {pitch}, yaw {yaw}, roll {roll}, in camera coordinates", all(angles))],
    [t("Distance"), t("about {number} cm, with an assumed focal length", { number: Math.round(z / 10) })],
    face.gaze && [t("Gaze angles"), t("{across} across, {down} down, in camera coordinates", all({ across: face.gaze.angle_deg[0], down: face.gaze.angle_deg[1] }))],
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
  leftOut.textContent = missing.length ? t("Not measured by this engine: {units}.", { units: missing.join(", ") }) : "";
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
      make("span", { class: "number" }, fixed(unit.intensity, 2)),
      make("span", { class: "bar", "aria-hidden": "true" }, filled),
    ),
    make("td", {}, make("span", { class: `chip ${kind}` }, words)),
  );
}

/** Angles by their names, as they are written. */
function all(angles) {
  return Object.fromEntries(Object.entries(angles).map(([name, value]) => [name, degrees(value)]));
}

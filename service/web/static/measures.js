/** The numbers of one face: pose, gaze, and a bar for each action unit. */

import { intensities, percent, SUPPORT, unitCode, unitName } from "./words.js";

const HIGHEST = 5;

/** An element with text; nothing that was measured or named by others is ever read as HTML. */
export function make(tag, { text = "", className = "", ...attributes } = {}) {
  const made = document.createElement(tag);
  made.textContent = text;
  if (className) made.className = className;
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

/** @param {HTMLElement} list a `dl` */
export function showPose(list, face) {
  const { rotation_deg: angles, translation_mm: [, , z] } = face.head_pose;
  const rows = [
    ["Confidence", percent(face.confidence)],
    ["Head", `pitch ${degrees(angles.pitch)}, yaw ${degrees(angles.yaw)}, roll ${degrees(angles.roll)}`],
    ["Distance", `${Math.round(z / 10)} cm (rests on a guessed focal length)`],
    ["Gaze", face.gaze ? `${degrees(face.gaze.angle_deg[0])} across, ${degrees(face.gaze.angle_deg[1])} down` : "not measured"],
  ];
  list.replaceChildren(...rows.flatMap(([name, value]) => [make("dt", { text: name }), make("dd", { text: value })]));
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
  const row = make("tr");
  const name = make("th", { scope: "row" });
  name.append(make("span", { text: unitCode(column), className: "number" }), make("span", { text: unitName(column), className: "unit-name" }));
  const measured = make("td", { className: "unit-measured" });
  const bar = make("span", { className: "bar", "aria-hidden": "true" });
  const filled = make("span", { className: `bar-filled ${SUPPORT[unit.support].kind}` });
  filled.style.setProperty("--share", unit.intensity / HIGHEST);
  bar.append(filled);
  measured.append(make("span", { text: unit.intensity.toFixed(2), className: "number" }), bar);
  const support = make("td");
  const { words, kind } = SUPPORT[unit.support];
  support.append(make("span", { text: words, className: `chip ${kind}` }));
  row.append(name, measured, support);
  return row;
}

/** With a real minus sign, and no minus zero. */
function degrees(value) {
  const rounded = (Math.round(value * 10) / 10 + 0).toFixed(1);
  return `${rounded.replace("-", "−")}°`;
}

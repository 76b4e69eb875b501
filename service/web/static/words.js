/** Measurements in words: names of action units, angles, and the summary for screen readers. */

import { gazeAgainstSight, headAgainstSight } from "./sight.js";

/** Names by Ekman, Friesen & Hager, Facial Action Coding System (2002). */
const UNITS = {
  AU01: "Inner brow raiser",
  AU02: "Outer brow raiser",
  AU04: "Brow lowerer",
  AU05: "Upper lid raiser",
  AU06: "Cheek raiser",
  AU07: "Lid tightener",
  AU09: "Nose wrinkler",
  AU10: "Upper lip raiser",
  AU12: "Lip corner puller",
  AU14: "Dimpler",
  AU15: "Lip corner depressor",
  AU17: "Chin raiser",
  AU20: "Lip stretcher",
  AU23: "Lip tightener",
  AU25: "Lips part",
  AU26: "Jaw drop",
  AU28: "Lip suck",
  AU45: "Blink",
};

/** An engine's support for an action unit: label, and colour of the chip. */
export const SUPPORT = {
  supported: { words: "well", kind: "good" },
  weak: { words: "weakly", kind: "warn" },
  not_estimable: { words: "not at all", kind: "" },
};

/** "AU12" of "AU12_r". */
export function unitCode(column) {
  return column.slice(0, 4);
}

/** "Lip corner puller" of "AU12_r". */
export function unitName(column) {
  return UNITS[unitCode(column)] ?? "Action unit";
}

/** A share as whole per cent; never 100 where it is less. */
export function percent(share) {
  return `${Math.floor(share * 100)} %`;
}

/** "2 faces", "1 face", "No face". */
export function countFaces(count) {
  if (!count) return "No face";
  return count === 1 ? "1 face" : `${count} faces`;
}

/** Degrees off the line of sight within which a head faces, and a gaze looks into, the camera; chosen here. */
const TOWARDS = { head: 5, gaze: 10 };

/**
 * The head's direction against the line of sight, in words.
 *
 * @param {object} face as `/api/analyse-image` returns it
 */
export function poseWords(face) {
  const { pitch, yaw, roll } = headAgainstSight(face.head_pose);
  const parts =
    Math.hypot(pitch, yaw) <= TOWARDS.head
      ? ["faces the camera"]
      : [turned(yaw, "turned", "to the left of the picture", "to the right of the picture"), turned(pitch, "lowered", "", "", "raised")];
  if (Math.abs(roll) >= TOWARDS.head) parts.push(turned(roll, "tilted", "clockwise", "anticlockwise"));
  return parts.filter(Boolean).join(", ");
}

/** The gaze against the line of sight, in words; empty where it was not measured. */
export function gazeWords({ gaze, head_pose: pose }) {
  if (!gaze) return "";
  const { across, down } = gazeAgainstSight(gaze, pose);
  if (Math.hypot(across, down) <= TOWARDS.gaze) return "looks into the camera";
  const parts = [turned(across, "", "to the right of the picture", "to the left of the picture"), turned(down, "", "down", "up")];
  return `looks ${parts.filter(Boolean).join(", ")}`;
}

function turned(degrees, word, positive, negative, opposite = word) {
  const whole = Math.round(Math.abs(degrees));
  if (!whole) return "";
  return [degrees > 0 ? word : opposite, `${whole}°`, degrees > 0 ? positive : negative].filter(Boolean).join(" ");
}

/** The measured intensities of a face, strongest first. */
export function intensities(face) {
  return Object.entries(face.action_units)
    .filter(([, unit]) => typeof unit.intensity === "number")
    .sort(([, one], [, other]) => other.intensity - one.intensity);
}

/**
 * The whole result in at most three lines.
 *
 * @param {object[]} shown faces that the confidence lets through
 * @param {object[]} found all of them
 * @param {number} confidence the least
 */
export function summary(shown, found, confidence) {
  const hidden = found.length - shown.length;
  const below = hidden ? ` ${hidden} more below ${percent(confidence)}.` : "";
  if (!shown.length) return `No face with a confidence of ${percent(confidence)} or more.${below}`;
  const count = `${countFaces(shown.length)}.${below}`;
  if (shown.length > 2) return `${count}\nThey are numbered in the picture and in the list.`;
  return [count, ...shown.map((face, at) => faceWords(face, shown.length > 1 ? `Face ${at + 1}: ` : ""))].join("\n");
}

function faceWords(face, name) {
  const parts = [[poseWords(face), gazeWords(face)].filter(Boolean).join(", ")];
  const [strongest] = intensities(face);
  // Of several faces the bars say it: each has one line.
  if (!name && strongest && strongest[1].intensity > 0) {
    const [column, unit] = strongest;
    parts.push(`strongest ${unitCode(column)} ${unitName(column).toLowerCase()}, ${unit.intensity.toFixed(1)} of 5`);
  }
  const words = parts.join("; ");
  return `${name}${name ? words : words.charAt(0).toUpperCase() + words.slice(1)}.`;
}

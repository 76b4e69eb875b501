/** Measurements in words: names of action units, angles, and the summary for screen readers. */

import { gazeAgainstSight, headAgainstSight } from "./sight.js";
import { fixed, LOCALE, percent, t, tn } from "./texts.js";

/** Names by Ekman, Friesen & Hager, Facial Action Coding System (2002). */
const UNITS = {
  AU01: t("Inner brow raiser"),
  AU02: t("Outer brow raiser"),
  AU04: t("Brow lowerer"),
  AU05: t("Upper lid raiser"),
  AU06: t("Cheek raiser"),
  AU07: t("Lid tightener"),
  AU09: t("Nose wrinkler"),
  AU10: t("Upper lip raiser"),
  AU12: t("Lip corner puller"),
  AU14: t("Dimpler"),
  AU15: t("Lip corner depressor"),
  AU17: t("Chin raiser"),
  AU20: t("Lip stretcher"),
  AU23: t("Lip tightener"),
  AU25: t("Lips part"),
  AU26: t("Jaw drop"),
  AU28: t("Lip suck"),
  AU45: t("Blink"),
};

/** An engine's support for an action unit: label, and colour of the chip. */
export const SUPPORT = {
  supported: { words: t("well"), kind: "good" },
  weak: { words: t("weakly"), kind: "warn" },
  not_estimable: { words: t("not at all"), kind: "" },
};

/** "AU12" of "AU12_r". */
export function unitCode(column) {
  return column.slice(0, 4);
}

/** "Lip corner puller" of "AU12_r". */
export function unitName(column) {
  return UNITS[unitCode(column)] ?? t("Action unit");
}

/** "2 faces", "1 face", "No face". */
export function countFaces(count) {
  return count ? tn("{count} face", "{count} faces", count) : t("No face");
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
      ? [t("faces the camera")]
      : [
          turned(yaw, t("turned {angle} to the left of the picture"), t("turned {angle} to the right of the picture")),
          turned(pitch, t("lowered {angle}"), t("raised {angle}")),
        ];
  if (Math.abs(roll) >= TOWARDS.head) parts.push(turned(roll, t("tilted {angle} clockwise"), t("tilted {angle} anticlockwise")));
  return joined(parts);
}

/** The gaze against the line of sight, in words; empty where it was not measured. */
export function gazeWords({ gaze, head_pose: pose }) {
  if (!gaze) return "";
  const { across, down } = gazeAgainstSight(gaze, pose);
  if (Math.hypot(across, down) <= TOWARDS.gaze) return t("looks into the camera");
  const parts = [
    turned(across, t("{angle} to the right of the picture"), t("{angle} to the left of the picture")),
    turned(down, t("{angle} down"), t("{angle} up")),
  ];
  return t("looks {directions}", { directions: joined(parts) });
}

function turned(degrees, positive, negative) {
  const whole = Math.round(Math.abs(degrees));
  return whole ? (degrees > 0 ? positive : negative).replace("{angle}", `${whole}°`) : "";
}

function joined(parts) {
  return parts.filter(Boolean).reduce((one, other) => t("{one}, {other}", { one, other }));
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
  const share = percent(confidence);
  const below = hidden ? ` ${t("{count} more below {share}.", { count: hidden, share })}` : "";
  if (!shown.length) return `${t("No face with a confidence of {share} or more.", { share })}${below}`;
  const count = `${t("{words}.", { words: countFaces(shown.length) })}${below}`;
  if (shown.length > 2) return `${count}\n${t("They are numbered in the picture and in the list.")}`;
  return [count, ...shown.map((face, at) => faceWords(face, shown.length > 1 ? at + 1 : 0))].join("\n");
}

/** One face in a sentence; with its number where there are several. */
function faceWords(face, number) {
  const words = joined([poseWords(face), gazeWords(face)]);
  // Of several faces the bars say it: each has one line.
  if (number) return t("Face {number}: {words}.", { number, words });
  const [strongest] = intensities(face);
  if (!strongest || strongest[1].intensity <= 0) return t("{words}.", { words: capital(words) });
  const [column, unit] = strongest;
  const name = `${unitCode(column)} (${unitName(column)})`;
  return t("{words}; strongest {unit}, {value} of 5.", { words: capital(words), unit: name, value: fixed(unit.intensity, 1) });
}

/** The words with a capital letter first. */
export function capital(words) {
  return words.charAt(0).toLocaleUpperCase(LOCALE) + words.slice(1);
}

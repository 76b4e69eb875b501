/** Measurements in words: names of action units, angles, and the summary for screen readers. */

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

/**
 * OpenFace's signs in words, as the picture shows them.
 *
 * @param {{pitch: number, yaw: number, roll: number}} angles degrees; camera coordinates with x right and y down, so
 *   that a positive pitch looks down, a positive yaw to the left of the picture, a positive roll tilts clockwise
 */
export function poseWords({ pitch, yaw, roll }) {
  const parts = [
    turned(yaw, "turned", "to the left of the picture", "to the right of the picture"),
    turned(pitch, "lowered", "", "", "raised"),
    turned(roll, "tilted", "clockwise", "anticlockwise"),
  ].filter(Boolean);
  return parts.length ? `head ${parts.join(", ")}` : "head straight";
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
 * The whole result in a few sentences.
 *
 * @param {object[]} shown faces that the confidence lets through
 * @param {object[]} found all of them
 * @param {number} confidence the least
 */
export function summary(shown, found, confidence) {
  const hidden = found.length - shown.length;
  const below = hidden ? ` ${hidden} more below ${percent(confidence)}.` : "";
  if (!shown.length) return `No face with a confidence of ${percent(confidence)} or more.${below}`;
  const all = shown.length === 1 ? [faceWords(shown[0], "")] : shown.slice(0, 5).map((face, at) => faceWords(face, `Face ${at + 1}: `));
  const more = shown.length > 5 ? " The others are in the list." : "";
  return `${countFaces(shown.length)}. ${all.join(" ")}${more}${below}`;
}

function faceWords(face, name) {
  const parts = [`confidence ${percent(face.confidence)}`, poseWords(face.head_pose.rotation_deg)];
  const [strongest] = intensities(face);
  if (strongest && strongest[1].intensity > 0) {
    const [column, unit] = strongest;
    const label = `${unitCode(column)} ${unitName(column).toLowerCase()}`;
    parts.push(`strongest action unit ${label}, ${unit.intensity.toFixed(1)} of 5`);
  }
  const words = parts.join("; ");
  return `${name || ""}${name ? words : words.charAt(0).toUpperCase() + words.slice(1)}.`;
}

/** Fit pictures to the service's limits: reduce large ones, and convert kinds that only the browser reads. */

import { Problem } from "./session.js";
import { t } from "./texts.js";

/** Content types that the service takes, by extension: few systems know the newer ones. */
const TYPES = JSON.parse(document.body.dataset.pictureTypes);
const TAKEN = new Set(Object.values(TYPES));
/** Those that every browser reads: a file that this one cannot is damaged. */
const COMMON = new Set(["image/jpeg", "image/png", "image/webp", "image/bmp"]);

/** Largest reduced picture: phones cannot draw a larger canvas. */
const CANVAS_PIXELS = 12e6;
const QUALITY = 0.92;

/**
 * @param {Blob} file
 * @param {{maxBytes: number, maxPixels: number}} limits
 * @returns {Promise<{blob: Blob, reduced: string}>} the picture to send, and its changes in words
 * @throws {Problem} neither this browser nor the service can read it
 */
export async function fitting(file, limits) {
  const type = TAKEN.has(file.type) ? file.type : TYPES[file.name?.split(".").pop().toLowerCase()];
  const picture = await decoded(file).catch((problem) => {
    // The service reads more kinds than browsers do.
    if (type && !COMMON.has(type) && file.size <= limits.maxBytes) return null;
    throw problem;
  });
  if (!picture) return { blob: new Blob([file], { type }), reduced: "" };
  try {
    const pixels = picture.width * picture.height;
    const tooLarge = file.size > limits.maxBytes || pixels > limits.maxPixels;
    if (!tooLarge && type) return { blob: new Blob([file], { type }), reduced: "" };
    let scale = tooLarge ? Math.min(1, Math.sqrt(Math.min(CANVAS_PIXELS, limits.maxPixels) / pixels)) : 1;
    let blob = await jpeg(picture, scale);
    while (blob.size > limits.maxBytes) {
      scale *= 0.8;
      blob = await jpeg(picture, scale);
    }
    const size = `${Math.floor(picture.width * scale)} × ${Math.floor(picture.height * scale)}`;
    return { blob, reduced: tooLarge ? t("made smaller: {size} pixels", { size }) : t("sent as JPEG") };
  } finally {
    picture.close();
  }
}

/** Encode a picture or a video's frame as JPEG. */
export async function jpeg(source, scale, quality = QUALITY) {
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.floor((source.videoWidth ?? source.width) * scale));
  canvas.height = Math.max(1, Math.floor((source.videoHeight ?? source.height) * scale));
  const context = canvas.getContext("2d", { alpha: false });
  context.imageSmoothingQuality = "high";
  context.fillStyle = "#fff";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(source, 0, 0, canvas.width, canvas.height);
  const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", quality));
  if (!blob) throw new Problem(t("This browser has not enough memory for the picture."), { code: "unreadable_picture" });
  return blob;
}

/** Make an empty picture of this size. */
export function empty(width, height) {
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  return new Promise((resolve) => canvas.toBlob(resolve));
}

async function decoded(file) {
  try {
    return await createImageBitmap(file, { imageOrientation: "from-image" });
  } catch {
    const words = file.name
      ? t("“{name}” is not a picture that this browser can read.", { name: file.name })
      : t("This is not a picture that this browser can read.");
    throw new Problem(words, { code: "unreadable_picture" });
  }
}

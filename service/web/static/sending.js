/** Send files: the checks before, the upload, and the request for the job; shared by the pages that take files. */

import { bytes } from "./job-words.js";
import { send } from "./send.js";
import { ask } from "./session.js";
import { t, typedNumber } from "./texts.js";

const TRIES_WHEN_BUSY = 6;

/**
 * The service's limits, as a page's template states them.
 *
 * @param {HTMLElement} page with `data-max-bytes`, `data-extensions` and `data-types`
 */
export function limitsOf(page) {
  return {
    maxBytes: Number(page.dataset.maxBytes),
    kinds: JSON.parse(page.dataset.extensions),
    types: JSON.parse(page.dataset.types),
  };
}

/** "image" or "video", by a file's extension, else by its type; null for other files. */
export function kindOf(file, { kinds, types }) {
  const extension = file.name.includes(".") ? file.name.split(".").pop().toLowerCase() : "";
  return kinds[extension] ?? types[file.type.toLowerCase()] ?? null;
}

/** Why a file cannot be analysed, checked before the upload; empty where it can. */
export function refusal(entry, { maxBytes }) {
  if (!entry.media) return t("This kind of file cannot be analysed.");
  if (!entry.size) return t("The file is empty.");
  if (entry.size > maxBytes) return t("The file has {size}; at most {most} are taken.", { size: bytes(entry.size), most: bytes(maxBytes) });
  return "";
}

/** The options that the page's form states, of those that apply to this kind of media. */
export function statedOptions(media) {
  const stated = {};
  for (const field of document.querySelectorAll("[data-option]")) {
    const value = field.type === "checkbox" ? (field.checked ? "1" : "") : typed(field);
    if (value && (field.dataset.media ?? media) === media) stated[field.dataset.option] = value;
  }
  return stated;
}

/** What was typed or chosen, as the service takes it. */
function typed({ inputMode, value }) {
  return inputMode === "decimal" ? typedNumber(value) : value.trim();
}

/** How the files were taken, as the page's form states it. */
export function statedMediaType() {
  return document.querySelector('input[name="media-type"]:checked').value;
}

/**
 * Upload a file, unless storage has it.
 *
 * @param {{name: string, sha256: string, mediaType: string, study?: string}} entry
 * @param {File} file
 * @param {AbortSignal} signal
 * @param {(share: number) => void} onProgress
 */
export async function uploaded(entry, file, signal, onProgress) {
  const path = `/uploads?name=${encodeURIComponent(safeName(entry.name))}`;
  const study = entry.study ? `&study=${encodeURIComponent(entry.study)}` : "";
  const { upload } = await ask(`${path}&sha256=${entry.sha256}${study}`, { signal });
  if (upload) return upload;
  const headers = { "X-Content-SHA256": entry.sha256 };
  return send(`${path}&media_type=${entry.mediaType}${study}`, file, onProgress, signal, headers);
}

/** The request for the job; the type is the one chosen now, whatever an earlier upload of the file was said to be. */
export function analysis(entry, upload) {
  const query = new URLSearchParams({ ...entry.options, blob: upload.blob });
  if (entry.study) query.set("study", entry.study);
  return `/analyse/${upload.media}/${entry.mediaType}/${upload.container}?${query}`;
}

/** Retry while the service asks to wait. */
export async function patiently(signal, act) {
  for (let left = TRIES_WHEN_BUSY; ; left -= 1) {
    try {
      return await act();
    } catch (error) {
      if (!left || ![429, 503].includes(error.status)) throw error;
      await new Promise((resolve) => setTimeout(resolve, 1000 * Math.min(error.retryAfter || 2, 30)));
      signal.throwIfAborted();
    }
  }
}

/** The file's name as a part of a blob's. */
function safeName(name) {
  return (name.toWellFormed?.() ?? name).replace(/[\u0000-\u001f\u007f-\u009f\\/]/g, "_");
}

/** Upload a file with progress, which `fetch` does not report. */

import { Problem, ready, sentence, tokenHeaders } from "./session.js";
import { errorText, t } from "./texts.js";

/**
 * @param {string} path of `PUT /uploads/…`
 * @param {Blob} file
 * @param {(share: number) => void} onProgress 0 to 1
 * @param {AbortSignal} signal
 * @param {Record<string, string>} headers
 * @returns {Promise<object>} the service's response
 * @throws {Problem} or an AbortError
 */
export async function send(path, file, onProgress, signal, headers = {}) {
  await ready;
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const stop = () => request.abort();
    signal.addEventListener("abort", stop);
    request.open("PUT", path);
    request.responseType = "json";
    request.setRequestHeader("Content-Type", file.type || "application/octet-stream");
    for (const [name, value] of Object.entries({ ...headers, ...tokenHeaders() })) request.setRequestHeader(name, value);
    request.upload.addEventListener("progress", (event) => {
      if (event.lengthComputable && event.total) onProgress(event.loaded / event.total);
    });
    request.addEventListener("loadend", () => signal.removeEventListener("abort", stop));
    request.addEventListener("load", () => {
      if (request.status < 300 && request.response) resolve(request.response);
      else reject(problem(request));
    });
    request.addEventListener("error", () => reject(new Problem(t("The connection broke off during the upload."))));
    request.addEventListener("abort", () => reject(new DOMException("stopped", "AbortError")));
    request.send(file);
  });
}

function problem(request) {
  const body = request.response ?? {};
  const retryAfter = Number(request.getResponseHeader("Retry-After")) || 0;
  const detail = errorText(body.code, sentence(body.detail || t("the service answered {status}", { status: String(request.status) })));
  return new Problem(detail, { status: request.status, code: body.code || "unknown", retryAfter });
}

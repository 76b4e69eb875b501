/** Record the camera's picture, without sound, into a clip that is uploaded and becomes a job. */

import { send } from "./send.js";
import { ask, Problem } from "./session.js";
import { sha256 } from "./sha256.js";
import { t } from "./texts.js";

/** By preference: what this browser plays, the service reads, and both can seek in. */
const KINDS = ["video/mp4;codecs=avc1.42E01F", "video/mp4;codecs=vp09.00.10.08", "video/mp4", "video/webm;codecs=vp9", "video/webm"];
const BITS_PER_S = 4_000_000;
const PIECE_MS = 1000;

/** Longest clip, in seconds: all of it is held in the browser's memory. */
export const LONGEST_S = 600;

export class Recorder {
  /** @param {() => void} onEnd called when the clip ends without `stop`: it is long enough, or the camera is gone */
  constructor(onEnd) {
    this.onEnd = onEnd;
    this.media = null;
  }

  get isOn() {
    return this.media !== null;
  }

  /** Seconds since the start. */
  get seconds() {
    return this.isOn ? (performance.now() - this.began) / 1000 : 0;
  }

  /** @throws {Problem} this browser does not record */
  start(stream) {
    const kind = window.MediaRecorder && KINDS.find((each) => MediaRecorder.isTypeSupported(each));
    if (!kind) throw new Problem(t("This browser cannot record a clip. Record it with another program, then use “Analyse a file”."));
    this.pieces = [];
    this.media = new MediaRecorder(stream, { mimeType: kind, videoBitsPerSecond: BITS_PER_S });
    this.media.addEventListener("dataavailable", ({ data }) => data.size && this.pieces.push(data));
    this.media.addEventListener("stop", () => this.isOn && this.onEnd());
    this.began = performance.now();
    this.media.start(PIECE_MS);
    this.timer = setTimeout(() => this.onEnd(), 1000 * LONGEST_S);
  }

  /** End the recording; returns the clip. */
  async stop() {
    const { media } = this;
    this.media = null;
    clearTimeout(this.timer);
    if (media.state !== "inactive") {
      await new Promise((done) => {
        media.addEventListener("stop", done, { once: true });
        media.stop();
      });
    }
    const [type] = media.mimeType.split(";");
    return new File(this.pieces, `camera ${stamp(new Date())}.${type.endsWith("mp4") ? "mp4" : "webm"}`, { type });
  }
}

/**
 * Upload a clip and ask for its analysis.
 *
 * @param {File} clip
 * @param {string} mediaType "posed" or "wild"
 * @param {(share: number) => void} onProgress 0 to 1
 * @param {AbortSignal} signal
 * @returns {Promise<object>} the job
 */
export async function analyseClip(clip, mediaType, onProgress, signal) {
  const digest = await sha256(clip, signal, () => {});
  const query = new URLSearchParams({ name: clip.name, media_type: mediaType });
  const upload = await send(`/uploads?${query}`, clip, onProgress, signal, { "X-Content-SHA256": digest });
  const path = `/analyse/${upload.media}/${mediaType}/${upload.container}?${new URLSearchParams({ blob: upload.blob })}`;
  const { jobs } = await ask(path, { method: "POST", signal });
  return jobs[0];
}

/** "2026-11-28 14.05.09", the local time. */
function stamp(time) {
  const two = (value) => String(value).padStart(2, "0");
  const date = [time.getFullYear(), two(time.getMonth() + 1), two(time.getDate())].join("-");
  return `${date} ${[time.getHours(), time.getMinutes(), time.getSeconds()].map(two).join(".")}`;
}

/**
 * The live overlay: the camera's pictures are measured, one at a time and the newest next, each shown with its own
 * measurements.
 *
 * The measurements are those of `/api/analyse-image` for the picture that was sent; no state is kept between two.
 */

import { drawFaces } from "./overlay.js";
import { ask } from "./session.js";

/** Pixels of the longer side of what is sent: with 640 intensities stay within 0.13 of those of the whole picture in the
 *  portrait of the tests, with 480 within 0.16. */
const LONGEST_SIDE = 640;
/** A camera has no more pictures, and other callers need the processors as well. */
const LEAST_MS = 1000 / 30;
const LONGEST_WAIT_S = 30;
const RATE_OVER_MS = 2000;
const HIDDEN_MS = 200;

export class Live {
  /**
   * @param {import("./camera.js").Camera} camera
   * @param {HTMLCanvasElement} canvas lies over the camera's picture
   * @param {Set<string>} layers that are drawn
   * @param {{found: (answer: object, perSecond: number) => void, failed: (error: Error) => void}} listener
   * @param {number} confidence the least
   */
  constructor(camera, canvas, layers, listener, confidence) {
    this.camera = camera;
    this.canvas = canvas;
    this.layers = layers;
    this.listener = listener;
    this.confidence = confidence;
    this.isOn = false;
  }

  /** Run until `stop`, or until the service cannot be reached. */
  async start() {
    this.isOn = true;
    this.times = [];
    let next = this.#take();
    let drawn = () => {};
    while (this.isOn && this.camera.isOpen) {
      // While the service measures a picture, the one before is drawn and the next is made ready.
      const frame = await next;
      const measuring = this.#measured(frame);
      drawn();
      next = this.#take();
      const answer = await measuring;
      drawn = () => this.#draw(frame, answer);
    }
    (await next).picture?.close();
    this.stop();
  }

  stop() {
    this.isOn = false;
    this.canvas.getContext("2d").clearRect(0, 0, this.canvas.width, this.canvas.height);
  }

  /** The camera's picture; none where the page is hidden, or the camera is gone. */
  async #take() {
    const early = LEAST_MS - (performance.now() - (this.tookAt ?? -LEAST_MS));
    if (early > 0) await pause(early);
    this.tookAt = performance.now();
    try {
      if (this.isOn && !document.hidden) return await this.camera.frame(LONGEST_SIDE);
    } catch (error) {
      // The camera closes while its picture is taken.
      if (this.camera.isOpen) this.#end(error);
    }
    return {};
  }

  /** The answer for a picture; null where there is none to draw. */
  async #measured({ blob }) {
    if (!blob) return pause(HIDDEN_MS, null);
    try {
      const options = { method: "POST", body: blob, headers: { "Content-Type": "image/jpeg" } };
      return await ask(`/api/analyse-image?upsample=0&confidence=${this.confidence}`, options);
    } catch (error) {
      // Busy or limited: wait as the response says.
      if (error.status === 429 || error.status === 503) await pause(1000 * Math.min(LONGEST_WAIT_S, Math.max(1, error.retryAfter)));
      else this.#end(error);
      return null;
    }
  }

  #draw({ picture }, answer) {
    if (answer && this.isOn) {
      // Over its own picture, not over a later one: the lines stay on a face that moves.
      drawFaces(this.canvas, answer, answer.faces, this.layers, answer.faces[0], { picture, isMirrored: this.camera.isMirror });
      this.listener.found(answer, rate(this.times));
    }
    picture?.close();
  }

  #end(error) {
    if (this.isOn) this.listener.failed(error);
    this.isOn = false;
  }
}

/** Pictures a second, over the last seconds. */
function rate(times) {
  const now = performance.now();
  times.push(now);
  while (now - times[0] > RATE_OVER_MS) times.shift();
  return times.length > 1 ? (1000 * (times.length - 1)) / (now - times[0]) : 0;
}

function pause(ms, value) {
  return new Promise((resolve) => setTimeout(resolve, ms, value));
}

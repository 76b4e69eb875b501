/** The live overlay: frames of the camera through `/api/detect`, one at a time, a few a second. */

import { ask } from "./session.js";
import { drawFound } from "./overlay.js";

const LONGEST_SIDE = 480;
const FRAME_EVERY_MS = 125;
const LONGEST_WAIT_S = 30;

export class Live {
  /**
   * @param {import("./camera.js").Camera} camera
   * @param {HTMLCanvasElement} canvas lies over the camera's picture
   * @param {{found: (faces: object[], perSecond: number) => void, failed: (error: Error) => void}} listener
   * @param {number} confidence the least
   */
  constructor(camera, canvas, listener, confidence) {
    this.camera = camera;
    this.canvas = canvas;
    this.listener = listener;
    this.confidence = confidence;
    this.isOn = false;
  }

  /** Run until `stop`, or until the service cannot be reached. */
  async start() {
    this.isOn = true;
    const times = [];
    while (this.isOn && this.camera.isOpen) {
      const began = performance.now();
      // A hidden page sends nothing.
      if (!document.hidden && !(await this.once(times))) break;
      await pause(Math.max(0, FRAME_EVERY_MS - (performance.now() - began)));
    }
    this.stop();
  }

  stop() {
    this.isOn = false;
    this.canvas.getContext("2d").clearRect(0, 0, this.canvas.width, this.canvas.height);
  }

  async once(times) {
    try {
      const { blob, size } = await this.camera.frame(LONGEST_SIDE);
      const options = { method: "POST", body: blob, headers: { "Content-Type": "image/jpeg" } };
      const faces = await ask(`/api/detect?confidence=${this.confidence}`, options);
      if (!this.isOn) return false;
      drawFound(this.canvas, size, faces);
      this.listener.found(faces, rate(times));
      return true;
    } catch (error) {
      // Busy or limited: wait as the response says.
      if (error.status === 429 || error.status === 503) {
        await pause(1000 * Math.min(LONGEST_WAIT_S, Math.max(1, error.retryAfter)));
        return true;
      }
      if (this.isOn) this.listener.failed(error);
      return false;
    }
  }
}

/** Frames a second, over the last ones. */
function rate(times) {
  times.push(performance.now());
  if (times.length > 10) times.shift();
  return times.length > 1 ? (1000 * (times.length - 1)) / (times.at(-1) - times[0]) : 0;
}

function pause(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

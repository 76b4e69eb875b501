/** The live overlay: frames of the camera through `/api/detect`, one at a time, a few a second. */

import { ask } from "./session.js";
import { drawFound } from "./overlay.js";

const LONGEST_SIDE = 480;
const FRAME_EVERY_MS = 125;
const LONGEST_WAIT_S = 30;

export class Live {
  /**
   * @param {import("./camera.js").Camera} camera
   * @param {HTMLCanvasElement} canvas over its picture
   * @param {{told: (faces: object[], perSecond: number) => void, failed: (error: Error) => void}} hears
   * @param {number} confidence the least
   */
  constructor(camera, canvas, hears, confidence) {
    this.camera = camera;
    this.canvas = canvas;
    this.hears = hears;
    this.confidence = confidence;
    this.isOn = false;
  }

  /** Runs until `stop`, or until the service cannot be asked. */
  async start() {
    this.isOn = true;
    const times = [];
    while (this.isOn && this.camera.isOpen) {
      const began = performance.now();
      // A page that nobody looks at sends nothing.
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
      this.hears.told(faces, rate(times));
      return true;
    } catch (error) {
      // Too many at once: later again, as it says.
      if (error.status === 429 || error.status === 503) {
        await pause(1000 * Math.min(LONGEST_WAIT_S, Math.max(1, error.retryAfter)));
        return true;
      }
      if (this.isOn) this.hears.failed(error);
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

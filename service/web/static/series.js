/** A video's measurements from `/jobs/<id>/series`: an overview of any stretch, and exact rows around a moment. */

import { ask } from "./session.js";

const MOST_ROWS = 1200;
const WINDOW_S = 8;
const [LANDMARKS, AXES] = [68, 4];

export class Series {
  /** @param {string} path of the job's series */
  constructor(path) {
    this.path = path;
    this.head = null;
    this.window = null;
    this.loading = null;
  }

  /** Load the overview of one face; null for the face with the most rows. */
  async open(face, points) {
    this.window = null;
    this.face = face;
    this.head = await this.overview(null, null, points);
    this.face = this.head.face;
    return this.head;
  }

  /** Fetch a stretch at the resolution of a drawing. */
  overview(from, to, points) {
    return this.#fetch({ from, to, points });
  }

  /** Seconds of one frame, on average. */
  get frameSeconds() {
    const { begins_s: begins, ends_s: ends, faces, face } = this.head;
    const rows = faces.find((each) => each.face_id === face)?.rows ?? 1;
    return rows > 1 ? (ends - begins) / (rows - 1) : 1;
  }

  /** The exact rows around a moment, if they are loaded; else they are requested, and `then` is called. */
  around(seconds, then) {
    const half = Math.min(WINDOW_S, (MOST_ROWS - 4) * this.frameSeconds) / 2;
    const { window: found } = this;
    const isInside = found && seconds >= found.from && seconds <= found.to;
    // The next window is fetched before the last row of this one is reached.
    const isNearEdge = found && (seconds > found.to - half / 2 || seconds < found.from + half / 2);
    if ((!isInside || isNearEdge) && !this.loading && !(isInside && this.isWhole(found, half))) {
      const [from, to] = [Math.max(0, seconds - half), seconds + half];
      this.loading = this.#fetch({ from, to, points: MOST_ROWS, geometry: 1 })
        .then((rows) => {
          this.window = { ...rows, from, to };
          then();
        })
        .catch(() => {})
        .finally(() => (this.loading = null));
    }
    return isInside ? found : null;
  }

  /** Whether a window reaches both ends of the face's rows. */
  isWhole(found, half) {
    const { begins_s: begins, ends_s: ends } = this.head;
    return (found.from <= begins || found.from + half / 2 <= begins) && found.to >= ends;
  }

  #fetch(wanted) {
    const query = new URLSearchParams();
    for (const [name, value] of Object.entries({ face: this.face, ...wanted })) {
      if (value !== null && value !== undefined) query.set(name, value);
    }
    return ask(`${this.path}?${query}`);
  }
}

/** Index of the row nearest to a moment; -1 where none is within three quarters of a frame. */
export function rowAt(rows, seconds, frameSeconds) {
  const { time } = rows;
  let [low, high] = [0, time.length - 1];
  if (high < 0) return -1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (time[middle] < seconds) low = middle + 1;
    else high = middle;
  }
  const nearest = low > 0 && seconds - time[low - 1] <= time[low] - seconds ? low - 1 : low;
  return Math.abs(time[nearest] - seconds) <= 0.75 * frameSeconds ? nearest : -1;
}

/** A row's geometry in the form that `overlay.js` draws; null where landmarks are missing. */
export function faceOf(rows, at) {
  const numbers = rows.geometry[at];
  const points = [];
  for (let i = 0; i < numbers.length; i += 2) points.push([numbers[i], numbers[i + 1]]);
  const landmarks = points.slice(0, LANDMARKS);
  if (landmarks.some(([x]) => x === null)) return null;
  const [xs, ys] = [landmarks.map(([x]) => x), landmarks.map(([, y]) => y)];
  const [left, top] = [Math.min(...xs), Math.min(...ys)];
  const [origin, x, y, z] = points.slice(LANDMARKS, LANDMARKS + AXES);
  const [one, oneEnd, other, otherEnd] = points.slice(LANDMARKS + AXES);
  const isGazeKnown = [one, oneEnd, other, otherEnd].every(([value]) => value !== null);
  return {
    box: [left, top, Math.max(...xs) - left, Math.max(...ys) - top],
    landmarks,
    head_pose: origin[0] === null || x[0] === null ? null : { axes: { origin, x, y, z } },
    gaze: isGazeKnown ? { eyes: [{ origin: one, end: oneEnd }, { origin: other, end: otherEnd }] } : null,
  };
}

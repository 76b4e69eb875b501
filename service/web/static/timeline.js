/** The timeline: quality, blinks, action units as a heat strip with their events, and curves, on one time axis with a scrubber. */

import { fixed, t } from "./texts.js";
import { unitCode } from "./words.js";

const GUTTER = 52;
const EDGE = 8;
const AXIS = 20;
const QUALITY = 8;
const BLINKS = 8;
const LANE_GAP = 4;
/** A mark is at least this wide, in pixels, so that one frame of an hour is seen. */
const LEAST_MARK = 1.5;
const ROW = 13;
const GAP = 10;
const CURVE = 84;
const HIGHEST = 5;
const SHADES = 64;
const GATE = 0.75;
const HATCH = 7;
/** A press that moves less, in pixels, is a click. */
const CLICK = 4;
const TICKS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600];

const CURVES = [
  { title: t("Head °"), columns: ["pose_Rx", "pose_Ry", "pose_Rz"], names: [t("pitch"), t("yaw"), t("roll")], scale: 180 / Math.PI },
  { title: t("Gaze °"), columns: ["gaze_angle_x", "gaze_angle_y"], names: [t("across"), t("down")], scale: 180 / Math.PI },
];
const LINES = ["--line-a", "--line-b", "--line-c"];

export class Timeline {
  /**
   * @param {HTMLCanvasElement} canvas
   * @param {(seconds: number) => void} onSeek
   * @param {(words: string) => void} onHover called with the values under the mouse
   */
  constructor(canvas, onSeek, onHover) {
    this.canvas = canvas;
    this.picture = document.createElement("canvas");
    this.strip = document.createElement("canvas");
    this.data = null;
    this.view = [0, 1];
    this.now = 0;
    this.selected = "";
    this.excluded = [];
    this.draft = [null, null];
    this.onMark = null;
    this.press = null;
    const seek = (event) => onSeek(this.secondsAt(event.clientX));
    canvas.addEventListener("pointerdown", (event) => {
      if (event.button) return;
      if (this.select(event)) return;
      canvas.setPointerCapture(event.pointerId);
      if (this.onMark) this.press = event.clientX;
      else seek(event);
    });
    canvas.addEventListener("pointermove", (event) => {
      if (this.press !== null) this.drag(event);
      else if (canvas.hasPointerCapture(event.pointerId)) seek(event);
      onHover(this.wordsAt(event));
    });
    canvas.addEventListener("pointerup", (event) => {
      if (this.press !== null && !this.drag(event)) this.clickMark(this.secondsAt(event.clientX));
      this.press = null;
    });
    canvas.addEventListener("pointercancel", () => (this.press = null));
    canvas.addEventListener("pointerleave", () => onHover(""));
    new ResizeObserver(() => this.render()).observe(canvas.parentElement);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.render());
  }

  /** Show an overview of the stretch from `view[0]` to `view[1]`. */
  show(data, view) {
    this.data = data;
    this.view = view;
    this.marks = data.marks;
    this.gapSeconds = gapSeconds(data.time);
    this.rows = Object.keys(data.high).filter((name) => name.startsWith("AU") && (name.endsWith("_r") || !data.high[`${name.slice(0, 4)}_r`]));
    // Blinks have a lane of their own.
    if (this.marks) this.rows = this.rows.filter((name) => name !== "AU45_c");
    if (!this.rows.includes(this.selected)) this.selected = this.rows.find((name) => name === "AU12_r") ?? this.rows[0] ?? "";
    this.render();
  }

  /** Move the scrubber. */
  move(seconds) {
    this.now = seconds;
    this.blit();
  }

  /**
   * Let a drag or two clicks choose a stretch instead of a moment.
   *
   * @param {((from: number, to: number|null) => void)|null} onMark null: choose moments again
   */
  mark(onMark) {
    this.onMark = onMark;
    this.press = null;
  }

  /** Draw the excluded stretches, and the one that is being chosen. */
  showExcluded(excluded, draft) {
    this.excluded = excluded;
    this.draft = draft;
    this.blit();
  }

  /** Choose from the press to the pointer; whether it has moved that far. */
  drag(event) {
    if (!this.onMark || Math.abs(event.clientX - this.press) < CLICK) return false;
    const [one, other] = [this.secondsAt(this.press), this.secondsAt(event.clientX)];
    this.onMark(Math.min(one, other), Math.max(one, other));
    return true;
  }

  /** The first click is the start, the second the end. */
  clickMark(seconds) {
    const [from, to] = this.draft;
    if (from === null || to !== null) this.onMark?.(seconds, null);
    else this.onMark?.(Math.min(from, seconds), Math.max(from, seconds));
  }

  /** Read the width once for a drawing: each look may lay out the page anew. */
  measure() {
    this.width = this.canvas.parentElement.clientWidth;
    this.plot = this.width - GUTTER - EDGE;
  }

  /** Number of points that the drawing needs. */
  get points() {
    this.measure();
    return Math.max(100, Math.min(2000, Math.round(this.plot)));
  }

  get height() {
    const rows = this.rows?.length ?? 0;
    return this.heatTop + rows * ROW + GAP + (CURVES.length + (this.selected ? 1 : 0)) * (CURVE + GAP);
  }

  /** Where the action units begin. */
  get heatTop() {
    return AXIS + QUALITY + (this.marks ? LANE_GAP + BLINKS : 0) + GAP;
  }

  x(seconds) {
    const [from, to] = this.view;
    return GUTTER + ((seconds - from) / Math.max(1e-9, to - from)) * this.plot;
  }

  secondsAt(clientX) {
    const [from, to] = this.view;
    const share = (clientX - this.canvas.getBoundingClientRect().left - GUTTER) / this.plot;
    return from + Math.max(0, Math.min(1, share)) * (to - from);
  }

  /** The values at a place: of the unit, or of the curves, that lie there. */
  wordsAt(event) {
    if (!this.data || event.offsetX < GUTTER) return "";
    const seconds = this.secondsAt(event.clientX);
    const { time, low, high } = this.data;
    const at = Math.max(0, time.findLastIndex((each) => each <= seconds));
    const row = this.rows[Math.floor((event.offsetY - this.heatTop) / ROW)];
    const below = event.offsetY - this.heatTop - GAP - this.rows.length * ROW;
    const curve = Math.floor(below / (CURVE + GAP)) - (this.selected ? 1 : 0);
    const shown = row ? { columns: [row], names: [unitCode(row)], scale: 1 } : curve < 0 ? { columns: [this.selected], names: [unitCode(this.selected)], scale: 1 } : CURVES[curve];
    const parts = (shown?.columns ?? []).filter((name) => high[name] && high[name][at] !== null).map((name) => {
      const [least, most] = [low[name][at] * shown.scale, high[name][at] * shown.scale].map((value) => fixed(value, shown.scale === 1 ? 2 : 1));
      return `${shown.names[shown.columns.indexOf(name)]} ${least === most ? most : t("{least} to {most}", { least, most })}`;
    });
    return [`${clock(seconds, 0.01)}: ${parts.join(", ") || t("no values")}`, ...this.marksAt(seconds, row)].join(", ");
  }

  /** Names of the marks at a moment. */
  marksAt(seconds, row) {
    const { blinks = [], closures = [], gaps = [], below_gate: poor = [], events = {} } = this.marks ?? {};
    const named = [[t("blink"), blinks], [t("eyes closed"), closures], [t("gap"), gaps], [t("below the quality gate"), poor], [t("event"), events[row] ?? []]];
    return named.filter(([, spans]) => spans.some(([begin, end]) => begin <= seconds && seconds < end)).map(([name]) => name);
  }

  /** The selected unit's value of the overview at a moment. */
  wordsOfUnit(seconds) {
    const values = this.data.high[this.selected];
    const at = this.data.time.findLastIndex((each) => each <= seconds + 1e-6);
    if (!values || at < 0 || values[at] === null || seconds - this.data.time[at] > this.gapSeconds) return `${unitCode(this.selected)} –`;
    return `${unitCode(this.selected)} ${fixed(values[at], 2)}`;
  }

  /** A press on a unit's code shows the unit's curve. */
  select(event) {
    const frame = this.canvas.getBoundingClientRect();
    const at = Math.floor((event.clientY - frame.top - this.heatTop) / ROW);
    if (event.clientX - frame.left >= GUTTER || !this.rows?.[at]) return false;
    this.selectUnit(this.rows[at]);
    return true;
  }

  selectUnit(column) {
    this.selected = column;
    this.render();
  }

  // --- drawing -------------------------------------------------------------------------------------------------------

  render() {
    this.measure();
    if (!this.data || !this.width) return;
    const ratio = window.devicePixelRatio || 1;
    for (const canvas of [this.canvas, this.picture]) {
      canvas.width = Math.round(this.width * ratio);
      canvas.height = Math.round(this.height * ratio);
    }
    this.canvas.style.height = `${this.height}px`;
    const style = getComputedStyle(this.canvas);
    const colours = new Map();
    this.colour = (name) => colours.get(name) ?? colours.set(name, style.getPropertyValue(name).trim()).get(name);
    const context = this.picture.getContext("2d");
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, this.width, this.height);
    context.font = `11px ${this.colour("--sans")}`;
    context.textBaseline = "middle";
    this.drawAxis(context);
    this.drawQuality(context, AXIS);
    if (this.marks) this.drawBlinks(context, AXIS + QUALITY + LANE_GAP);
    let top = this.heatTop;
    this.drawHeat(context, top);
    top += this.rows.length * ROW + GAP;
    if (this.selected) {
      const names = [this.selected.endsWith("_c") ? t("present") : t("intensity")];
      this.drawCurve(context, { title: unitCode(this.selected), columns: [this.selected], names, scale: 1, range: [0, this.selected.endsWith("_c") ? 1 : HIGHEST] }, top);
      top += CURVE + GAP;
    }
    for (const curve of CURVES) {
      this.drawCurve(context, curve, top);
      top += CURVE + GAP;
    }
    context.globalAlpha = 0.18;
    this.drawSpans(context, this.marks?.gaps, AXIS, this.height - AXIS, "--muted");
    context.globalAlpha = 1;
    this.blit();
  }

  blit() {
    if (!this.colour) return;
    const context = this.canvas.getContext("2d");
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, this.canvas.width, this.canvas.height);
    context.drawImage(this.picture, 0, 0);
    const ratio = window.devicePixelRatio || 1;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    for (const { start_s: start, end_s: end } of this.excluded) this.drawExcluded(context, start, end, "--warn");
    const [from, to] = this.draft;
    if (from !== null) this.drawExcluded(context, from, to ?? from, "--focus");
    if (this.now < this.view[0] || this.now > this.view[1]) return;
    context.fillStyle = this.colour("--focus");
    const x = this.x(this.now);
    context.fillRect(x - 1, 0, 2, this.height);
    context.beginPath();
    context.moveTo(x - 6, 0);
    context.lineTo(x + 6, 0);
    context.lineTo(x, 8);
    context.fill();
  }

  /** Hatch a stretch over all lanes, at least as wide as its edge. */
  drawExcluded(context, start, end, colour) {
    const left = Math.max(GUTTER, this.x(start));
    const right = Math.min(this.width - EDGE, Math.max(this.x(end), left + 1.5));
    if (right <= left) return;
    context.save();
    context.beginPath();
    context.rect(left, AXIS, right - left, this.height - AXIS);
    context.clip();
    context.strokeStyle = context.fillStyle = this.colour(colour);
    context.globalAlpha = 0.16;
    context.fillRect(left, AXIS, right - left, this.height - AXIS);
    context.globalAlpha = 0.7;
    context.beginPath();
    for (let x = left - this.height; x < right; x += HATCH) {
      context.moveTo(x, this.height);
      context.lineTo(x + this.height, 0);
    }
    context.lineWidth = 1;
    context.stroke();
    context.lineWidth = 3;
    context.strokeRect(left, AXIS, right - left, this.height - AXIS);
    context.restore();
  }

  drawAxis(context) {
    const [from, to] = this.view;
    const wanted = ((to - from) * 70) / (this.width - GUTTER);
    const step = TICKS.find((each) => each >= wanted) ?? 7200;
    context.strokeStyle = this.colour("--line");
    context.fillStyle = this.colour("--muted");
    context.textAlign = "center";
    for (let time = Math.ceil(from / step) * step; time <= to + 1e-9; time += step) {
      const x = Math.round(this.x(time)) + 0.5;
      context.beginPath();
      context.moveTo(x, AXIS - 4);
      context.lineTo(x, this.height);
      context.stroke();
      context.fillText(clock(time, step), Math.min(Math.max(x, GUTTER + 8), this.width - 18), AXIS / 2 - 1);
    }
  }

  /** Call `paint` with place and width of each point of the overview. */
  each(paint) {
    const { time } = this.data;
    for (let at = 0; at < time.length; at += 1) {
      const next = at + 1 < time.length ? time[at + 1] : time[at] + (at ? time[at] - time[at - 1] : 0.04);
      const [left, right] = [Math.max(GUTTER, this.x(time[at])), Math.min(this.width - EDGE, this.x(next))];
      // Rows far apart are a gap in the recording.
      const width = next - time[at] > this.gapSeconds ? Math.min(2, right - left) : right - left;
      if (right > left) paint(at, left, Math.max(0.75, width + 0.4));
    }
  }

  drawQuality(context, top) {
    const { low } = this.data;
    const [good, bad] = [this.colour("--good"), this.colour("--bad")];
    this.each((at, left, width) => {
      const isPoor = !this.marks && (low.success?.[at] === 0 || (low.confidence?.[at] ?? 0) < GATE);
      context.fillStyle = isPoor ? bad : good;
      context.globalAlpha = isPoor ? 1 : 0.45;
      context.fillRect(left, top, width, QUALITY);
    });
    context.globalAlpha = 1;
    this.drawSpans(context, this.marks?.below_gate, top, QUALITY, "--bad");
    this.label(context, t("Quality"), top + QUALITY / 2, false);
  }

  /** A colour of the page as red, green and blue. */
  rgb(name) {
    this.sample ??= Object.assign(document.createElement("canvas"), { width: 1, height: 1 }).getContext("2d", { willReadFrequently: true });
    this.sample.fillStyle = this.colour(name);
    this.sample.fillRect(0, 0, 1, 1);
    return this.sample.getImageData(0, 0, 1, 1).data;
  }

  drawBlinks(context, top) {
    context.fillStyle = this.colour("--sunken");
    context.fillRect(GUTTER, top, this.plot, BLINKS);
    this.drawSpans(context, this.marks.closures, top, BLINKS, "--warn");
    this.drawSpans(context, this.marks.blinks, top, BLINKS, "--accent");
    this.label(context, t("Blinks"), top + BLINKS / 2, false);
  }

  /** Fill stretches of time in one lane. */
  drawSpans(context, spans, top, height, colour) {
    context.fillStyle = this.colour(colour);
    for (const [begin, end] of spans ?? []) {
      const left = Math.max(GUTTER, this.x(begin));
      const right = Math.min(this.width - EDGE, Math.max(this.x(end), left + LEAST_MARK));
      if (right > left) context.fillRect(left, top, right - left, height);
    }
  }

  /** Draw all units at once, pixel by pixel: an hour has more rectangles than a redraw has time for. */
  drawHeat(context, top) {
    const ratio = window.devicePixelRatio || 1;
    const [width, row, line, mark] = [this.plot * ratio, ROW * ratio, (ROW - 2) * ratio, 2 * ratio].map(Math.round);
    if (!this.rows.length || width <= 0) return;
    const image = new ImageData(width, this.rows.length * row);
    const pixels = new Uint32Array(image.data.buffer);
    this.rows.forEach((name, number) => {
      const begin = number * row * width;
      const heat = this.heatLine(name, width);
      for (let y = 0; y < line; y += 1) pixels.set(heat, begin + y * width);
      this.fillSpans(pixels.subarray(begin + (line - mark) * width), width, mark, this.marks?.events[name] ?? []);
      this.label(context, unitCode(name), top + number * ROW + ROW / 2 - 1, name === this.selected);
    });
    [this.strip.width, this.strip.height] = [image.width, image.height];
    this.strip.getContext("2d").putImageData(image, 0, 0);
    context.drawImage(this.strip, GUTTER, top, this.plot, image.height / ratio);
  }

  /** One line of a unit's pixels: the colour by the highest value there. */
  heatLine(name, width) {
    const values = this.data.high[name];
    const highest = name.endsWith("_c") ? 1 : HIGHEST;
    const shades = shadesBetween(this.rgb("--sunken"), this.rgb(name.endsWith("_c") ? "--warn" : "--accent"));
    const line = new Uint32Array(width).fill(shades[0]);
    this.each((at, left, across) => {
      if (!values[at]) return;
      const share = Math.min(1, values[at] / highest);
      const scale = width / this.plot;
      const first = Math.round((left - GUTTER) * scale);
      line.fill(shades[Math.round(share * (SHADES - 1))], first, Math.max(first + 1, Math.round((left - GUTTER + across) * scale)));
    });
    return line;
  }

  /** Fill stretches of time in some lines of pixels. */
  fillSpans(pixels, width, lines, spans) {
    const [ink] = shadesBetween(this.rgb("--ink"), this.rgb("--ink"));
    for (const [begin, end] of spans) {
      const [first, last] = [begin, end].map((each) => ((this.x(each) - GUTTER) / this.plot) * width);
      const [from, to] = [Math.max(0, Math.round(first)), Math.min(width, Math.max(Math.round(last), Math.round(first) + 1))];
      for (let y = 0; y < lines && to > from; y += 1) pixels.fill(ink, y * width + from, y * width + to);
    }
  }

  drawCurve(context, { title, columns, names, scale, range }, top) {
    const known = columns.filter((name) => this.data.high[name]);
    const [least, most] = range ?? this.range(known, scale);
    const y = (value) => top + CURVE - ((value * scale - least) / (most - least)) * CURVE;
    context.fillStyle = this.colour("--sunken");
    context.fillRect(GUTTER, top, this.plot, CURVE);
    context.save();
    context.beginPath();
    context.rect(GUTTER, top, this.plot, CURVE);
    context.clip();
    if (least < 0 && most > 0) {
      context.fillStyle = this.colour("--line-strong");
      context.fillRect(GUTTER, y(0), this.width, 0.5);
    }
    known.forEach((name) => this.drawLine(context, name, y, this.colour(LINES[columns.indexOf(name)])));
    context.restore();
    this.label(context, title, top + 8, false);
    context.fillStyle = this.colour("--muted");
    context.textAlign = "right";
    context.fillText(fixed(least, 0), GUTTER - 6, top + CURVE - 6);
    context.fillText(fixed(most, 0), GUTTER - 6, top + 22);
    context.textAlign = "left";
    let left = GUTTER + 6;
    columns.forEach((name, at) => {
      if (!this.data.high[name]) return;
      context.fillStyle = this.colour(LINES[at]);
      context.fillText(names[at], left, top + 9);
      left += context.measureText(names[at]).width + 12;
    });
  }

  range(columns, scale) {
    let [least, most] = [-5, 5];
    for (const name of columns) {
      for (const value of this.data.low[name]) if (value !== null) least = Math.min(least, value * scale);
      for (const value of this.data.high[name]) if (value !== null) most = Math.max(most, value * scale);
    }
    return [Math.floor(least / 5) * 5, Math.ceil(most / 5) * 5];
  }

  drawLine(context, name, y, colour) {
    if (this.data.exact) this.drawRows(context, name, y, colour);
    else this.drawSpread(context, name, y, colour);
  }

  /** Draw the value of each row, joined by lines. */
  drawRows(context, name, y, colour) {
    const { time, high } = this.data;
    context.strokeStyle = colour;
    context.lineWidth = 1.4;
    context.lineJoin = "round";
    context.beginPath();
    let before = null;
    time.forEach((seconds, at) => {
      const value = high[name][at];
      if (value === null) {
        before = null;
        return;
      }
      if (before === null || seconds - before > this.gapSeconds) context.moveTo(this.x(seconds), y(value));
      context.lineTo(this.x(seconds), y(value));
      before = seconds;
    });
    context.stroke();
  }

  /** Draw from the lowest to the highest value of each point, each reaching the one before: no line of rows is that fast. */
  drawSpread(context, name, y, colour) {
    const { time, low, high } = this.data;
    context.fillStyle = colour;
    let before = null;
    this.each((at, left, across) => {
      if (high[name][at] === null) {
        before = null;
        return;
      }
      const [top, bottom] = [y(high[name][at]), y(low[name][at])];
      const isJoined = before !== null && time[at] - time[before.at] <= this.gapSeconds;
      const upper = isJoined ? Math.min(top, before.bottom) : top;
      const lower = isJoined ? Math.max(bottom, before.top) : bottom;
      context.fillRect(left, upper - 0.7, across, lower - upper + 1.4);
      before = { at, top, bottom };
    });
  }

  label(context, text, y, isSelected) {
    context.textAlign = "right";
    context.fillStyle = this.colour(isSelected ? "--accent" : "--muted");
    context.font = `${isSelected ? "600 " : ""}11px ${this.colour("--sans")}`;
    // Words of some languages are wider than the gutter: they are condensed.
    context.fillText(text, GUTTER - 6, y, GUTTER - 8);
    context.font = `11px ${this.colour("--sans")}`;
  }
}

/** Shades from one colour to another, as pixels are stored. */
function shadesBetween(from, to) {
  const shades = new Uint32Array(SHADES);
  const bytes = new Uint8ClampedArray(shades.buffer);
  for (let at = 0; at < SHADES; at += 1) {
    for (let part = 0; part < 3; part += 1) bytes[4 * at + part] = from[part] + ((to[part] - from[part]) * at) / (SHADES - 1);
    bytes[4 * at + 3] = 255;
  }
  return shades;
}

/** Distance of two points above which there is a gap between them, in seconds. */
function gapSeconds(time) {
  const steps = time.slice(1).map((each, at) => each - time[at]).sort((one, other) => one - other);
  return Math.max(0.25, 4 * (steps[steps.length >> 1] ?? 1));
}

/** "3.2 s", "1:05", "1:02:00". */
export function clock(seconds, step = 1) {
  if (seconds < 60 && step < 60) return t("{seconds} s", { seconds: Number(seconds.toFixed(2)) });
  const whole = Math.round(seconds);
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60)];
  const padded = (value) => String(value).padStart(2, "0");
  return hours ? `${hours}:${padded(minutes)}:${padded(whole % 60)}` : `${minutes}:${padded(whole % 60)}`;
}

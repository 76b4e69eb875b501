/** Draw measurements over a picture. All coordinates are in pixels of the picture; the canvas lies over it. */

const COLOURS = {
  box: "#ffd34d",
  otherBox: "#f4f4f4",
  landmarks: "#5ff2de",
  x: "#ff5c5c",
  y: "#5be07a",
  z: "#5aa9ff",
  gaze: "#ff8be0",
};
const HALO = "rgb(0 0 0 / 65%)";

/** Side of the close-up over that of the box. */
const CLOSE_UP = 1.5;

/** The lines of the 68 points, as iBUG 300-W numbers them: first, last, closed. */
const CONTOURS = [
  [0, 16, false],
  [17, 21, false],
  [22, 26, false],
  [27, 30, false],
  [31, 35, false],
  [36, 41, true],
  [42, 47, true],
  [48, 59, true],
  [60, 67, true],
];

/**
 * Make a canvas as fine as the screen.
 *
 * @param {HTMLCanvasElement} canvas
 * @param {number[]} part of the picture that it shows: x, y, width, height
 * @returns {{context: CanvasRenderingContext2D, unit: number}} a context in the picture's pixels, and how many of them
 *   are one CSS pixel
 */
function prepared(canvas, [x, y, width, height]) {
  const shown = canvas.getBoundingClientRect();
  const ratio = window.devicePixelRatio || 1;
  canvas.width = Math.max(1, Math.round(shown.width * ratio));
  canvas.height = Math.max(1, Math.round(shown.height * ratio));
  const context = canvas.getContext("2d");
  const [across, down] = [canvas.width / width, canvas.height / height];
  context.setTransform(across, 0, 0, down, -x * across, -y * down);
  context.lineJoin = "round";
  context.lineCap = "round";
  return { context, unit: width / Math.max(1, shown.width) };
}

/**
 * Draw analysed faces.
 *
 * @param {HTMLCanvasElement} canvas
 * @param {{width: number, height: number}} size of the picture
 * @param {object[]} faces as `/api/analyse-image` returns them
 * @param {Set<string>} layers of "boxes", "landmarks", "pose", "gaze"
 * @param {object|null} selected one of the faces
 * @param {{picture?: CanvasImageSource, isMirrored?: boolean}} under the picture, where it is drawn as well; whether the
 *   page shows the canvas mirrored, so that numbers have to be turned round
 */
export function drawFaces(canvas, size, faces, layers, selected, { picture = null, isMirrored = false } = {}) {
  const { context, unit } = prepared(canvas, [0, 0, size.width, size.height]);
  if (picture) context.drawImage(picture, 0, 0, size.width, size.height);
  for (const face of faces) drawFace(context, unit, face, layers, face === selected);
  if (faces.length > 1 && layers.size) faces.forEach((face, at) => drawNumber(context, unit, face, face.face ?? at + 1, face === selected, isMirrored));
}

/** Draw one face from close by: the square of the picture around it, with the same overlay. */
export function drawCloseUp(canvas, image, size, face, layers) {
  const [x, y, width, height] = face.box;
  const side = CLOSE_UP * Math.max(width, height);
  const part = [x + (width - side) / 2, y + (height - side) / 2, side, side];
  const { context, unit } = prepared(canvas, part);
  context.imageSmoothingQuality = "high";
  context.drawImage(image, 0, 0, size.width, size.height);
  drawFace(context, unit, face, layers, true);
}

function drawFace(context, unit, face, layers, isSelected) {
  if (layers.has("landmarks")) drawLandmarks(context, unit, face);
  if (layers.has("boxes")) drawBox(context, unit, face.box, isSelected ? COLOURS.box : COLOURS.otherBox);
  if (layers.has("pose")) drawPose(context, unit, face.head_pose.axes);
  if (layers.has("gaze") && face.gaze) drawGaze(context, unit, face.gaze);
}

function drawBox(context, unit, [x, y, width, height], colour) {
  const path = new Path2D();
  path.rect(x, y, width, height);
  stroke(context, path, colour, 2.5 * unit, unit);
}

/** A face's number, as in the list (that of the table where there is one), at the upper left of its box: outside of it where there is room. */
function drawNumber(context, unit, { box: [x, y] }, number, isSelected, isMirrored) {
  const height = 20 * unit;
  context.font = `600 ${14 * unit}px system-ui, sans-serif`;
  const width = Math.max(height, context.measureText(String(number)).width + 10 * unit);
  const left = Math.max(0, x - 1.25 * unit);
  const top = y >= height ? y - height : Math.max(0, y);
  context.fillStyle = isSelected ? COLOURS.box : COLOURS.otherBox;
  context.fillRect(left, top, width, height);
  context.fillStyle = "#111";
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.save();
  context.translate(left + width / 2, top + height / 2 + 0.5 * unit);
  if (isMirrored) context.scale(-1, 1);
  context.fillText(String(number), 0, 0);
  context.restore();
}

function drawLandmarks(context, unit, face) {
  const lines = new Path2D();
  for (const [first, last, closed] of CONTOURS) {
    const points = face.landmarks.slice(first, last + 1);
    points.forEach(([x, y], at) => (at ? lines.lineTo(x, y) : lines.moveTo(x, y)));
    if (closed) lines.lineTo(...points[0]);
  }
  context.globalAlpha = 0.55;
  stroke(context, lines, COLOURS.landmarks, unit, 0);
  context.globalAlpha = 1;
  const radius = Math.max(1.1 * unit, Math.min(2.2 * unit, face.box[2] / 110));
  for (const point of face.landmarks) dot(context, point, radius, COLOURS.landmarks, unit / 2);
}

function drawPose(context, unit, axes) {
  for (const name of ["x", "y", "z"]) arrow(context, axes.origin, axes[name], COLOURS[name], 2.5 * unit, unit);
}

function drawGaze(context, unit, gaze) {
  for (const eye of gaze.eyes) arrow(context, eye.origin, eye.end, COLOURS.gaze, 2.5 * unit, unit);
}

function arrow(context, from, to, colour, thickness, halo) {
  const path = new Path2D();
  path.moveTo(...from);
  path.lineTo(...to);
  const length = Math.hypot(to[0] - from[0], to[1] - from[1]);
  const angle = Math.atan2(to[1] - from[1], to[0] - from[0]);
  const head = Math.min(length / 3, 4 * thickness);
  for (const turn of [2.6, -2.6]) {
    path.moveTo(...to);
    path.lineTo(to[0] + head * Math.cos(angle + turn), to[1] + head * Math.sin(angle + turn));
  }
  stroke(context, path, colour, thickness, halo);
}

function stroke(context, path, colour, thickness, halo) {
  if (halo) {
    context.strokeStyle = HALO;
    context.lineWidth = thickness + 2 * halo;
    context.stroke(path);
  }
  context.strokeStyle = colour;
  context.lineWidth = thickness;
  context.stroke(path);
}

function dot(context, [x, y], radius, colour, halo) {
  const path = new Path2D();
  path.arc(x, y, radius, 0, 2 * Math.PI);
  context.strokeStyle = HALO;
  context.lineWidth = 2 * halo;
  context.stroke(path);
  context.fillStyle = colour;
  context.fill(path);
}

/** Small pictures of local files, drawn one at a time when they come into view; nothing is sent for them. */

const SIDE = 240;
const VIDEO_MS = 8000;
/** Decoding a larger picture for its thumbnail alone would stall a phone. */
const LARGEST_BYTES = 64 * 2 ** 20;

const waiting = [];
let busy = false;

const observer = new IntersectionObserver(
  (seen) => {
    for (const { isIntersecting, target } of seen) {
      if (!isIntersecting) continue;
      observer.unobserve(target);
      waiting.push(target);
    }
    work();
  },
  { rootMargin: "200px" },
);
const files = new WeakMap();

/**
 * Draw a file's picture into a canvas when it is scrolled into view; one that the browser cannot read stays a sign.
 *
 * @param {HTMLCanvasElement} canvas
 * @param {File} file
 * @param {"image"|"video"} media
 */
export function thumbnail(canvas, file, media) {
  files.set(canvas, { file, media });
  observer.observe(canvas);
}

async function work() {
  if (busy) return;
  busy = true;
  while (waiting.length) await draw(waiting.shift());
  busy = false;
}

async function draw(canvas) {
  const { file, media } = files.get(canvas) ?? {};
  if (!file || !canvas.isConnected) return;
  try {
    if (media === "video") await drawVideo(canvas, file);
    else if (file.size <= LARGEST_BYTES) await drawPicture(canvas, file);
  } catch {
    // The sign says which kind it is.
  }
}

async function drawPicture(canvas, file) {
  const picture = await createImageBitmap(file, { imageOrientation: "from-image" });
  put(canvas, picture, picture.width, picture.height);
  picture.close();
}

async function drawVideo(canvas, file) {
  const video = Object.assign(document.createElement("video"), { muted: true, preload: "auto", playsInline: true });
  const address = URL.createObjectURL(file);
  try {
    await new Promise((resolve, reject) => {
      video.addEventListener("loadeddata", resolve, { once: true });
      video.addEventListener("error", reject, { once: true });
      setTimeout(reject, VIDEO_MS);
      video.src = address;
    });
    put(canvas, video, video.videoWidth, video.videoHeight);
  } finally {
    video.removeAttribute("src");
    video.load();
    URL.revokeObjectURL(address);
  }
}

/** Fill the canvas with the middle of the picture. */
function put(canvas, source, width, height) {
  if (!width || !height) return;
  const side = Math.min(width, height);
  Object.assign(canvas, { width: SIDE, height: SIDE });
  const context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(source, (width - side) / 2, (height - side) / 2, side, side, 0, 0, SIDE, SIDE);
  canvas.parentElement.classList.add("is-drawn");
}

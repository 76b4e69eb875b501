/** The camera: opened on request, shown mirrored, closed when it is not needed. */

import { Problem } from "./session.js";
import { jpeg } from "./reduce.js";
import { t } from "./texts.js";

const IDEAL = { width: { ideal: 1280 }, height: { ideal: 720 } };

const REFUSALS = {
  NotAllowedError:
    t("The camera is blocked for this page. Allow it in the browser’s settings for this site (the sign beside the address), then try again."),
  NotFoundError: t("No camera was found on this device."),
  NotReadableError: t("The camera is in use by another program. Close that one, then try again."),
  OverconstrainedError: t("No camera of that kind was found on this device."),
};

export class Camera {
  /** @param {HTMLVideoElement} video shows the camera's picture */
  constructor(video) {
    this.video = video;
    this.facing = "user";
    this.stream = null;
  }

  get isOpen() {
    return this.stream !== null;
  }

  /** A front camera shows a mirror; a back camera does not. */
  get isMirror() {
    return this.facing === "user";
  }

  /** @throws {Problem} with advice */
  async open() {
    if (!navigator.mediaDevices?.getUserMedia) {
      throw new Problem(t("The camera needs a secure address (https), and this one is not. Choose a photo instead."));
    }
    this.close();
    try {
      const wanted = { video: { facingMode: this.facing, ...IDEAL }, audio: false };
      this.stream = await navigator.mediaDevices.getUserMedia(wanted);
    } catch (error) {
      throw new Problem(REFUSALS[error.name] ?? t("The camera does not start ({name}).", { name: error.name }), { code: error.name });
    }
    this.video.srcObject = this.stream;
    await this.video.play();
  }

  close() {
    for (const track of this.stream?.getTracks() ?? []) track.stop();
    this.stream = null;
    this.video.srcObject = null;
  }

  /** Switch between a phone's front and back camera. */
  async turn() {
    this.facing = this.isMirror ? "environment" : "user";
    await this.open();
  }

  /** Whether there is a second camera. */
  async hasOther() {
    const devices = await navigator.mediaDevices.enumerateDevices();
    return devices.filter((device) => device.kind === "videoinput").length > 1;
  }

  /** Take the current picture, not mirrored. */
  async photo() {
    return new File([await jpeg(this.video, 1)], "camera.jpg", { type: "image/jpeg" });
  }

  /**
   * Take the current picture for the live overlay.
   *
   * @param {number} longest side in pixels of what is sent
   * @returns {Promise<{blob: Blob, picture: ImageBitmap}>} the small JPEG, and the picture itself, to be closed
   */
  async frame(longest) {
    const picture = await createImageBitmap(this.video);
    const scale = Math.min(1, longest / Math.max(picture.width, picture.height));
    return { blob: await jpeg(picture, scale, 0.85), picture };
  }
}

/** The queue of a batch: hundreds of files that are sent a few at a time, and followed to the end of their jobs. */

import { follow } from "./follow.js";
import { isFinished } from "./job-words.js";
import { analysis, kindOf, patiently, refusal, uploaded } from "./sending.js";
import { ask } from "./session.js";
import { sha256 } from "./sha256.js";
import { t } from "./texts.js";

const AT_ONCE = 3;
const KEPT = "batch.files";
/** Steps that a reload interrupts; what was uploaded is found again by its SHA-256. */
const BUSY = new Set(["reading", "uploading", "starting"]);

/**
 * One file of the batch.
 *
 * @typedef {object} Entry
 * @property {string} key unique on this page
 * @property {string} path below the chosen folder
 * @property {string} name of the file
 * @property {number} size in bytes
 * @property {"image"|"video"} media
 * @property {string} mediaType
 * @property {Record<string, string>} options
 * @property {string} study empty for none
 * @property {string} sha256 empty before it was read
 * @property {"waiting"|"reading"|"uploading"|"starting"|"followed"|"stopped"} step
 * @property {number} sent share that is read or uploaded
 * @property {{code: string, text: string}|null} problem before there is a job
 * @property {object|null} job its last known state
 */

export class Queue {
  /** @type {Map<string, Entry>} */
  entries = new Map();
  running = false;
  #files = new Map();
  #working = 0;
  #limits;
  #onChange;
  #settings = () => ({});

  /**
   * @param {object} limits of `limitsOf`
   * @param {() => object} settings what is stated for all files: `{mediaType, options(media), study}`
   * @param {(entry?: Entry) => void} onChange called with the one that changed; without where several may have
   */
  constructor(limits, settings, onChange) {
    this.#limits = limits;
    this.#settings = settings;
    this.#onChange = onChange;
  }

  /**
   * Add files; one that is in the queue already, by path and size, gets its file back after a reload.
   *
   * @param {import("./folder.js").Found[]} found
   * @returns {Map<string, number>} the files that are no pictures or videos, counted by their ending
   */
  add(found) {
    const others = new Map();
    const known = new Map([...this.entries.values()].map((entry) => [`${entry.size} ${entry.path}`, entry]));
    for (const { file, path } of found) {
      const media = kindOf(file, this.#limits);
      if (!media) {
        const ending = /\.([^./]{1,12})$/.exec(path)?.[1].toLowerCase() ?? "";
        others.set(ending, (others.get(ending) ?? 0) + 1);
        continue;
      }
      const before = known.get(`${file.size} ${path}`);
      if (before) this.#again(before, file);
      else this.#addOne(file, path, media);
    }
    this.#changed();
    this.#work();
    return others;
  }

  /** Send the waiting files, with what is stated now. */
  start() {
    this.running = true;
    this.#settle();
    this.#changed();
    this.#work();
  }

  /** Begin no further file; those that are being sent are finished. */
  pause() {
    this.running = false;
    this.#changed();
  }

  /** Try files again that need somebody: what was not sent is sent, a failed job runs again. */
  async retry(entries) {
    const failed = [];
    for (const entry of entries) {
      if (entry.job) failed.push(entry);
      else if (this.#files.has(entry.key) && !refusal(entry, this.#limits)) Object.assign(entry, { step: "waiting", problem: null });
    }
    this.running = true;
    this.#changed();
    this.#work();
    for (const entry of failed) await this.#rerun(entry);
  }

  /** Forget files; their jobs go on. */
  remove(entries) {
    for (const entry of entries) {
      this.entries.delete(entry.key);
      this.#files.delete(entry.key);
    }
    this.#changed();
  }

  /** Whether a file can be tried again without being chosen again. */
  canRetry(entry) {
    return Boolean(entry.job) || (this.#files.has(entry.key) && !refusal(entry, this.#limits));
  }

  /** The local file of an entry; undefined after a reload. */
  file(entry) {
    return this.#files.get(entry.key);
  }

  /** Take up what a reload interrupted. */
  recall() {
    for (const entry of recalled()) {
      this.entries.set(entry.key, entry);
      if (entry.job) this.#watch(entry);
      else if (BUSY.has(entry.step) || entry.step === "waiting") {
        Object.assign(entry, { step: "stopped", problem: { code: "chosen_again", text: t("The page was left before it was sent.") } });
      }
    }
    this.#changed();
  }

  keep() {
    try {
      sessionStorage.setItem(KEPT, JSON.stringify([...this.entries.values()]));
    } catch {
      // Storage is full or forbidden: the list is lost at a reload; the jobs are not.
    }
  }

  get isSending() {
    return this.#working > 0;
  }

  #addOne(file, path, media) {
    const key = crypto.getRandomValues(new Uint32Array(2)).join("-");
    const entry = { key, path, name: file.name, size: file.size, media, sha256: "", step: "waiting", sent: 0, problem: null, job: null };
    const text = refusal(entry, this.#limits);
    if (text) Object.assign(entry, { step: "stopped", problem: { code: "refused", text } });
    this.entries.set(key, entry);
    this.#files.set(key, file);
    if (this.running) this.#settle();
  }

  #again(entry, file) {
    if (entry.job || this.#files.has(entry.key)) return;
    this.#files.set(entry.key, file);
    if (refusal(entry, this.#limits)) return;
    Object.assign(entry, { step: "waiting", problem: null, sent: 0 });
    if (this.running) this.#settle();
  }

  /** Fix what is stated for all files in those that have not begun. */
  #settle() {
    const { mediaType, options, study } = this.#settings();
    for (const entry of this.entries.values()) {
      if (entry.step === "waiting") Object.assign(entry, { mediaType, options: options(entry.media), study });
    }
  }

  #work() {
    for (const entry of this.entries.values()) {
      if (!this.running || this.#working >= AT_ONCE) return;
      if (entry.step !== "waiting") continue;
      this.#working += 1;
      this.#send(entry).finally(() => {
        this.#working -= 1;
        this.#changed();
        this.#work();
      });
    }
  }

  async #send(entry) {
    const { signal } = new AbortController();
    try {
      const file = this.#files.get(entry.key);
      if (!entry.sha256) {
        this.#move(entry, { step: "reading", sent: 0 });
        entry.sha256 = await sha256(file, signal, (sent) => this.#move(entry, { sent }));
      }
      this.#move(entry, { step: "uploading", sent: 0 });
      const upload = await patiently(signal, () => uploaded(entry, file, signal, (sent) => this.#move(entry, { sent })));
      this.#move(entry, { step: "starting", sent: 1 });
      const answer = await patiently(signal, () => ask(analysis(entry, upload), { method: "POST", signal }));
      this.#move(entry, { step: "followed", job: answer.jobs[0], problem: null });
      this.#watch(entry);
    } catch (error) {
      if (error.status === 401) {
        // It goes on after the sign-in.
        this.pause();
        ask("/jobs").catch(() => {});
        this.#move(entry, { step: "waiting" });
        return;
      }
      this.#move(entry, { step: "stopped", problem: { code: error.code ?? "unknown", text: error.message } });
    }
  }

  async #rerun(entry) {
    try {
      const { signal } = new AbortController();
      const job = await patiently(signal, () => ask(`/jobs/${entry.job.id}/rerun`, { method: "POST" }));
      this.#move(entry, { job, problem: null });
      this.#watch(entry);
    } catch (error) {
      this.#move(entry, { problem: { code: error.code ?? "unknown", text: error.message } });
    }
  }

  #watch(entry) {
    if (isFinished(entry.job)) return;
    const lost = (problem) => this.#move(entry, { problem: { code: problem.code ?? "unknown", text: problem.message } });
    follow(entry.job.id, (job) => this.#move(entry, { job }), lost);
  }

  #move(entry, more) {
    Object.assign(entry, more);
    if (this.entries.has(entry.key)) this.#changed(entry);
  }

  #changed(entry) {
    this.#onChange(entry);
  }
}

/** Whether nothing more happens to a file by itself. */
export function isSettled(entry) {
  return entry.step === "stopped" || Boolean(entry.job && isFinished(entry.job)) || Boolean(entry.job && entry.problem);
}

/** Whether a file was analysed. */
export function isDone(entry) {
  return entry.job?.state === "succeeded";
}

/** Whether a file needs somebody. */
export function needsYou(entry) {
  return isSettled(entry) && !isDone(entry);
}

/** How much of a file is done, 0 to 1: half for sending it, half for its job. */
export function shareOf(entry) {
  if (isSettled(entry)) return 1;
  if (entry.job) return 0.5 + entry.job.progress / 2;
  return { reading: 0.1 * entry.sent, uploading: 0.1 + 0.4 * entry.sent, starting: 0.5 }[entry.step] ?? 0;
}

function recalled() {
  try {
    const kept = JSON.parse(sessionStorage.getItem(KEPT) ?? "[]");
    return Array.isArray(kept) ? kept : [];
  } catch {
    return [];
  }
}

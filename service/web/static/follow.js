/**
 * Follow jobs until they have finished: by server-sent events where possible, else by polling.
 *
 * A stream holds one of the few connections that a browser opens to a server: only a few jobs have one at a time, the
 * others are polled in turn.
 */

import { isFinished } from "./job-words.js";
import { ask } from "./session.js";

const STREAMS = 2;
const ASK_EVERY_MS = 1500;
const ASKED_AT_ONCE = 6;
const BREAKS_BORNE = 2;

/** Followed jobs by id, in the order of polling. */
const followed = new Map();
let timer = 0;

/**
 * @param {string} id
 * @param {(job: object) => void} onJob called with each change; the last time when the job has finished
 * @param {(problem: Error) => void} onLost called when the job cannot be followed any more
 * @returns {() => void} stops following
 */
export function follow(id, onJob, onLost = () => {}) {
  followed.get(id)?.stream?.close();
  followed.set(id, { onJob, onLost, stream: null, breaks: 0 });
  openStreams();
  plan();
  return () => drop(id);
}

function drop(id) {
  followed.get(id)?.stream?.close();
  followed.delete(id);
  openStreams();
}

function take(id, job) {
  const one = followed.get(id);
  if (!one) return;
  if (isFinished(job)) drop(id);
  one.onJob(job);
}

function openStreams() {
  let open = [...followed.values()].filter((one) => one.stream).length;
  for (const [id, one] of followed) {
    if (open >= STREAMS) return;
    if (one.stream || one.breaks >= BREAKS_BORNE || !("EventSource" in window)) continue;
    open += 1;
    one.stream = stream(id, one);
  }
}

function stream(id, one) {
  const source = new EventSource(`/jobs/${id}/events`);
  const hear = (event) => {
    one.breaks = 0;
    take(id, JSON.parse(event.data));
  };
  source.addEventListener("job", hear);
  source.addEventListener("end", hear);
  source.addEventListener("error", () => {
    one.breaks += 1;
    // The browser reconnects by itself unless it was refused; polling shows the reason.
    if (source.readyState !== EventSource.CLOSED && one.breaks < BREAKS_BORNE) return;
    source.close();
    one.breaks = BREAKS_BORNE;
    one.stream = null;
    openStreams();
    plan();
  });
  return source;
}

function plan() {
  if (timer || !followed.size) return;
  timer = setTimeout(async () => {
    await askSome();
    timer = 0;
    plan();
  }, ASK_EVERY_MS);
}

async function askSome() {
  if (document.hidden) return;
  const next = [...followed].filter(([, one]) => !one.stream).slice(0, ASKED_AT_ONCE);
  await Promise.all(next.map(([id]) => askOne(id)));
}

async function askOne(id) {
  const one = followed.get(id);
  if (!one) return;
  // Move it to the end of the order.
  followed.delete(id);
  followed.set(id, one);
  try {
    take(id, await ask(`/jobs/${id}`));
  } catch (problem) {
    // Only lasting errors end it: no such job, or no permission.
    if (![401, 403, 404].includes(problem.status)) return;
    drop(id);
    one.onLost(problem);
  }
}

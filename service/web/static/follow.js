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
/** Jobs asked at once: the oldest, which workers take first, and some of the others in turn. */
const OLDEST = 4;
const IN_TURN = 2;
const BREAKS_BORNE = 2;

/** Followed jobs by id, oldest first. */
const followed = new Map();
let timer = 0;
let turn = 0;

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
  const next = async () => {
    const before = followed.size;
    const asked = await askSome();
    // Where most of them had finished, more will have.
    const goOn = asked > 1 && before - followed.size > asked / 2;
    timer = followed.size ? setTimeout(next, goOn ? 0 : ASK_EVERY_MS) : 0;
  };
  timer = setTimeout(next, ASK_EVERY_MS);
}

/** Ask for some of the jobs without a stream; returns how many. */
async function askSome() {
  if (document.hidden) return 0;
  const polled = [...followed].filter(([, one]) => !one.stream).map(([id]) => id);
  const others = polled.splice(OLDEST);
  turn = turn < others.length ? turn : 0;
  const next = [...polled, ...others.slice(turn, turn + IN_TURN)];
  turn += IN_TURN;
  await Promise.all(next.map(askOne));
  return next.length;
}

async function askOne(id) {
  const one = followed.get(id);
  if (!one) return;
  try {
    take(id, await ask(`/jobs/${id}`));
  } catch (problem) {
    // Only lasting errors end it: no such job, or no permission.
    if (![401, 403, 404].includes(problem.status)) return;
    drop(id);
    one.onLost(problem);
  }
}

/** *Compare*: the timelines of two videos below each other, on one time axis with one scrubber. */

import { byId, make, setText } from "./dom.js";
import { fileName, jobPage, mediaTypeWord, problemWords, time } from "./job-words.js";
import { Series } from "./series.js";
import { ask } from "./session.js";
import { fixed, t } from "./texts.js";
import { clock, Timeline } from "./timeline.js";

const SIDES = ["one", "other"];
const ID = /[0-9a-f]{32}/;
const LEAST_VIEW_S = 0.5;

const wanted = new URLSearchParams(location.search);
let sides = [];
let view = [0, 1];
let now = 0;

async function load() {
  setText(byId("problem"), "");
  // What was typed while the page was loading stays.
  for (const side of SIDES) byId(side).value ||= wanted.get(side) ?? "";
  if (!SIDES.every((side) => wanted.get(side))) return;
  try {
    const opened = await Promise.all(SIDES.map(open));
    // A drawing needs as many points as it is wide.
    byId("compared").hidden = false;
    for (const side of opened) side.head = await side.series.open(null, side.timeline.points);
    sides = opened;
    const known = sides.filter(({ head }) => head.face !== null);
    view = whole();
    now = view[0];
    for (const { timeline, head } of known) timeline.show(head, view);
    moved(now);
  } catch (problem) {
    byId("compared").hidden = true;
    setText(byId("problem"), problemWords(problem));
  }
}

async function open(side) {
  const [id] = ID.exec(wanted.get(side)) ?? [""];
  const job = await ask(`/jobs/${encodeURIComponent(id || "none")}`);
  // The service says what is missing: no result yet, or no video.
  const series = new Series(job.links.series ?? `${job.links.self}/series`);
  const title = byId(`${side}-title`);
  title.replaceChildren(make("a", { href: jobPage(job.id) }, fileName(job.blob)));
  byId(`${side}-facts`).replaceChildren(...[mediaTypeWord(job.media_type), t("generation {number}", { number: job.generation })].map((words) => make("span", {}, words)), time(job.times.finished));
  const timeline = new Timeline(byId(`${side}-canvas`), seek, (words) => setText(byId(`${side}-values`), words || timeline.wordsOfUnit(now)));
  return { side, job, series, timeline };
}

/** From the earliest begin to the latest end, so that both have one axis. */
function whole() {
  const known = sides.map(({ head }) => head).filter(({ face }) => face !== null);
  const begin = Math.min(0, ...known.map(({ begins_s: begins }) => begins));
  return [begin, Math.max(begin + LEAST_VIEW_S, ...known.map(({ ends_s: ends }) => ends))];
}

function seek(seconds) {
  const [from, to] = whole();
  moved(Math.max(from, Math.min(to, seconds)));
}

function moved(seconds) {
  now = seconds;
  const [from, to] = whole();
  for (const { side, timeline, head } of sides) {
    if (head.face === null) {
      setText(byId(`${side}-values`), t("The table has no rows."));
      continue;
    }
    timeline.move(now);
    setText(byId(`${side}-values`), timeline.wordsOfUnit(now));
  }
  const slider = byId("compared-timelines");
  for (const [name, value] of Object.entries({ valuemin: from, valuemax: to, valuenow: now })) slider.setAttribute(`aria-${name}`, value.toFixed(3));
  slider.setAttribute("aria-valuetext", t("{now} s of {end} s", { now: fixed(now, 2), end: fixed(to, 2) }));
  setText(byId("moment"), clock(now, 0.01));
}

async function setView([from, to]) {
  const [least, most] = whole();
  const length = Math.min(Math.max(to - from, LEAST_VIEW_S), most - least);
  const begin = Math.max(least, Math.min(from, most - length));
  const shown = (view = [begin, begin + length]);
  try {
    for (const { series, timeline, head } of sides) {
      if (head.face === null) continue;
      const data = await series.overview(Math.max(0, shown[0]), shown[1], timeline.points);
      if (shown === view) timeline.show(data, shown);
    }
  } catch (problem) {
    setText(byId("problem"), problemWords(problem));
  }
}

function zoom(factor) {
  const length = (view[1] - view[0]) / factor;
  setView([now - length / 2, now + length / 2]);
}

byId("compared-timelines").addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || !sides.length) return;
  const step = event.shiftKey ? 1 : Math.min(...sides.map(({ series }) => series.frameSeconds));
  const acts = {
    ArrowLeft: () => seek(now - step),
    ArrowRight: () => seek(now + step),
    Home: () => seek(whole()[0]),
    End: () => seek(whole()[1]),
    PageUp: () => seek(now - 10),
    PageDown: () => seek(now + 10),
    "+": () => zoom(2),
    "-": () => zoom(0.5),
    0: () => setView(whole()),
  };
  if (!acts[event.key]) return;
  event.preventDefault();
  acts[event.key]();
});
byId("zoom-in").addEventListener("click", () => zoom(2));
byId("zoom-out").addEventListener("click", () => zoom(0.5));
byId("zoom-all").addEventListener("click", () => setView(whole()));
document.addEventListener("session", ({ detail }) => {
  if (detail.key && byId("compared").hidden) load();
});
load();

/** Excluded stretches of a video: marked on the timeline, by the player's moment or as numbers; listed and removed. */

import { byId, make, setText } from "./dom.js";
import { problemWords, time } from "./job-words.js";
import { ask, current } from "./session.js";
import { fixed, t } from "./texts.js";

const DECIMALS = 3;
/** Tolerance for times written to the millisecond, as in the service. */
const ROUNDED_S = 0.0005;

export class Exclusions {
  /**
   * @param {import("./timeline.js").Timeline} timeline
   * @param {{now: () => number, frameSeconds: () => number, seek: (seconds: number) => void, changed: () => void}} viewer
   */
  constructor(timeline, viewer) {
    this.timeline = timeline;
    this.viewer = viewer;
    this.path = "";
    this.all = [];
    byId("mark").addEventListener("click", () => this.#setMarking(!timeline.onMark));
    byId("mark-cancel").addEventListener("click", () => this.#setMarking(false));
    byId("mark-from-here").addEventListener("click", () => this.#take(viewer.now(), this.#field("mark-to")));
    // The end is not excluded: the shown frame is, where the end is the next frame's time.
    byId("mark-to-here").addEventListener("click", () => this.#take(this.#field("mark-from"), viewer.now() + viewer.frameSeconds()));
    for (const id of ["mark-from", "mark-to"]) byId(id).addEventListener("input", () => this.#draw());
    byId("mark-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#add();
    });
    document.addEventListener("session", () => this.path && this.#offer());
  }

  /** Load and list a result's stretches. */
  async open(path) {
    this.path = path;
    byId("exclusions").hidden = false;
    this.#offer();
    try {
      this.#show(await ask(path));
    } catch (problem) {
      setText(byId("mark-problem"), problemWords(problem));
    }
  }

  /** The stretch in which a frame lies, if any. */
  at(seconds) {
    return this.all.find(({ start_s: start, end_s: end }) => seconds >= start - ROUNDED_S && seconds < end - ROUNDED_S);
  }

  /** Writing needs a scope; reading does not. */
  #offer() {
    const { asks_for_keys: asksForKeys, scopes } = current();
    const may = !asksForKeys || scopes.includes("analyse") || scopes.includes("admin");
    byId("mark").hidden = !may;
    byId("mark-needs").hidden = may;
    if (!may) this.#setMarking(false);
    this.#list(may);
  }

  #field(id) {
    const { value, valueAsNumber } = byId(id);
    return value === "" ? null : valueAsNumber;
  }

  #setMarking(isOn) {
    byId("mark").setAttribute("aria-pressed", String(isOn));
    byId("mark-form").hidden = !isOn;
    this.timeline.mark(isOn ? (from, to) => this.#take(from, to) : null);
    if (!isOn) byId("mark-form").reset();
    setText(byId("mark-problem"), "");
    this.#draw();
  }

  #take(from, to) {
    const [start, end] = from !== null && to !== null && to < from ? [to, from] : [from, to];
    byId("mark-from").value = start === null ? "" : Math.max(0, start).toFixed(DECIMALS);
    byId("mark-to").value = end === null ? "" : Math.max(0, end).toFixed(DECIMALS);
    this.#draw();
  }

  #draw() {
    this.timeline.showExcluded(this.all, [this.#field("mark-from"), this.#field("mark-to")]);
  }

  async #add() {
    const stretch = { start_s: this.#field("mark-from"), end_s: this.#field("mark-to"), reason: byId("mark-reason").value.trim() };
    if (await this.#change((all) => [...all, stretch])) {
      this.#setMarking(false);
      byId("mark").focus();
    }
  }

  async #remove(stretch) {
    const isIt = (each) => ["start_s", "end_s", "reason"].every((name) => each[name] === stretch[name]);
    if (await this.#change((all) => all.filter((each) => !isIt(each)))) byId("mark").focus();
  }

  /** Change the stretches as they are now: another reader may have marked some meanwhile. */
  async #change(change) {
    setText(byId("mark-problem"), "");
    try {
      const { excluded } = await ask(this.path);
      const wanted = change(excluded).map(({ start_s, end_s, reason }) => ({ start_s, end_s, reason }));
      const headers = { "Content-Type": "application/json" };
      this.#show(await ask(this.path, { method: "PUT", headers, body: JSON.stringify({ excluded: wanted }) }));
      return true;
    } catch (problem) {
      setText(byId("mark-problem"), problemWords(problem));
      return false;
    }
  }

  #show({ excluded }) {
    this.all = excluded;
    this.#offer();
    this.#draw();
    this.viewer.changed();
  }

  #list(mayRemove) {
    byId("excluded-none").hidden = this.all.length > 0;
    byId("excluded").replaceChildren(...this.all.map((each) => this.#item(each, mayRemove)));
  }

  #item(stretch, mayRemove) {
    const words = t("{from} s to {to} s", { from: fixed(stretch.start_s, 2), to: fixed(stretch.end_s, 2) });
    return make(
      "li",
      {},
      make("button", { type: "button", class: "quiet number", title: t("Go there"), onclick: () => this.viewer.seek(stretch.start_s + this.viewer.frameSeconds() / 2) }, words),
      make("span", { class: "excluded-reason" }, stretch.reason || t("no reason given")),
      make("span", { class: "muted small" }, `${stretch.by}, `, time(stretch.at)),
      mayRemove && make("button", { type: "button", class: "quiet", "aria-label": t("Remove {name}", { name: words }), onclick: () => this.#remove(stretch) }, t("Remove")),
    );
  }
}

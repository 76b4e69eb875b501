/** Bars of action units that stay in place while their values change: of a video's frames, or before the camera. */

import { make, setText } from "./dom.js";
import { fixed, t } from "./texts.js";
import { unitCode, unitName } from "./words.js";

const HIGHEST = 5;

export class UnitBars {
  /**
   * @param {HTMLElement} list a `ul`
   * @param {((column: string) => void)|null} onChoose makes each unit's code a button
   */
  constructor(list, onChoose = null) {
    this.list = list;
    this.onChoose = onChoose;
    this.bars = new Map();
  }

  /** Make a bar for each column, unless they are there. */
  make(columns) {
    if (columns.length === this.bars.size && columns.every((name) => this.bars.has(name))) return;
    this.bars.clear();
    this.list.replaceChildren(...columns.map((column) => this.#bar(column)));
  }

  /** @param {(column: string) => number|null} intensityOf null where it was not measured */
  show(intensityOf) {
    for (const [column, { number, filled }] of this.bars) {
      const intensity = intensityOf(column);
      setText(number, intensity === null ? "–" : fixed(intensity, 2));
      filled.style.setProperty("--share", intensity === null ? 0 : Math.min(1, intensity / HIGHEST));
    }
  }

  #bar(column) {
    const number = make("span", { class: "number" });
    const filled = make("span", { class: "bar-filled" });
    this.bars.set(column, { number, filled });
    const code = this.onChoose
      ? make("button", { type: "button", class: "unit-button", title: t("Show its curve"), onclick: () => this.onChoose(column) }, unitCode(column))
      : make("span", { class: "number" }, unitCode(column));
    const name = make("span", { class: "unit-name small muted" }, unitName(column));
    return make("li", {}, code, name, make("span", { class: "bar", "aria-hidden": "true" }, filled), number);
  }
}

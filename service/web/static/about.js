/** *About*: the engine and its action units from `/schema`, the health from `/readyz`. */

import { ask } from "./session.js";
import { byId as $, make } from "./dom.js";
import { SUPPORT, unitCode, unitName } from "./words.js";

const LICENCES = {
  "research-only": "research-only: academic and non-commercial research",
  permissive: "permissive: commercial use is allowed",
};

async function showSchema() {
  try {
    const schema = await ask("/schema");
    const engine = schema.engine;
    const rows = engine
      ? [
          ["Engine", engine.name],
          ["Version", engine.version ?? "unknown"],
          ["Licence class", LICENCES[engine.licence_class] ?? engine.licence_class],
        ]
      : [["Engine", "none on this server"]];
    rows.push(["Schema of results", `version ${schema.version}: ${schema.image.length} columns for pictures, ${schema.video.length} for videos`]);
    $("engine").replaceChildren(...rows.flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, value)]));
    showUnits(schema.image);
    $("problem").textContent = "";
  } catch (error) {
    const why = error.status === 401 ? "shown after sign-in" : "unknown";
    $("engine").replaceChildren(make("dt", {}, "Engine"), make("dd", {}, why));
    if (error.status !== 401) $("problem").textContent = error.message;
  }
}

function showUnits(columns) {
  const support = new Map(columns.filter((column) => column.support).map((column) => [column.name, column.support]));
  const codes = [...new Set([...support.keys()].map(unitCode))].sort();
  $("units").replaceChildren(...codes.map((code) => unitRow(code, support)));
  $("support").hidden = !codes.length;
}

function unitRow(code, support) {
  const cells = ["r", "c"].map((kind) => {
    const level = SUPPORT[support.get(`${code}_${kind}`)];
    const content = level ? make("span", { class: `chip ${level.kind}` }, level.words) : "no such column";
    return make("td", { class: level ? null : "muted small" }, content);
  });
  return make("tr", {}, make("th", { scope: "row", class: "number" }, code), make("td", {}, unitName(code)), ...cells);
}

async function showHealth() {
  try {
    // 503 carries the checks as well.
    const response = await fetch("/readyz", { cache: "no-store" });
    const { status, checks } = await response.json();
    showState(status, status === "ready" ? "good" : "bad");
    $("checks").replaceChildren(...Object.entries(checks).map(([name, check]) => checkRow(name, check)));
  } catch {
    showState("does not answer", "bad");
    $("checks").replaceChildren();
  }
  $("checks-table").hidden = !$("checks").childElementCount;
}

function showState(words, colour) {
  $("health").textContent = words;
  $("health").className = `chip ${colour}`;
}

function checkRow(name, check) {
  const state = make("span", { class: `chip ${check.ok ? "good" : "bad"}` }, check.ok ? "ok" : "failing");
  const why = check.error && make("p", { class: "small" }, check.error);
  const seconds = make("td", { class: "number" }, check.seconds.toFixed(3));
  return make("tr", {}, make("th", { scope: "row" }, name), make("td", {}, state, why), seconds);
}

document.addEventListener("session", showSchema);
showSchema();
showHealth();

/** "About": the engine and its action units from `/schema`, the health from `/readyz`. */

import { ask } from "./session.js";
import { make } from "./measures.js";
import { SUPPORT, unitCode, unitName } from "./words.js";

const $ = (id) => document.getElementById(id);

const LICENCES = {
  "research-only": "research-only: academic and non-commercial research",
  permissive: "permissive: commercial use is allowed, too",
};

async function showSchema() {
  try {
    const schema = await ask("/schema");
    const engine = schema.engine;
    const rows = engine
      ? [
          ["Engine", engine.name],
          ["Version", engine.version ?? "not told"],
          ["Licence class", LICENCES[engine.licence_class] ?? engine.licence_class],
        ]
      : [["Engine", "none on this server"]];
    rows.push(["Schema of results", `version ${schema.version}: ${schema.image.length} columns for pictures, ${schema.video.length} for videos`]);
    $("engine").replaceChildren(...rows.flatMap(([name, value]) => [make("dt", { text: name }), make("dd", { text: value })]));
    showUnits(schema.image);
    $("problem").textContent = "";
  } catch (error) {
    $("engine").replaceChildren(make("dt", { text: "Engine" }), make("dd", { text: error.status === 401 ? "told after sign-in" : "not known" }));
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
  const row = make("tr");
  row.append(make("th", { text: code, scope: "row", className: "number" }), make("td", { text: unitName(code) }));
  for (const kind of ["r", "c"]) {
    const cell = make("td");
    const level = support.get(`${code}_${kind}`);
    const { words, kind: colour } = SUPPORT[level] ?? { words: "no such column", kind: "" };
    cell.append(make("span", { text: words, className: level ? `chip ${colour}` : "muted small" }));
    row.append(cell);
  }
  return row;
}

async function showHealth() {
  try {
    // Not ready is an answer, too: 503 with the same facts.
    const response = await fetch("/readyz", { cache: "no-store" });
    const { status, checks } = await response.json();
    tellHealth(status, status === "ready" ? "good" : "bad");
    $("checks").replaceChildren(...Object.entries(checks).map(([name, check]) => checkRow(name, check)));
  } catch {
    tellHealth("does not answer", "bad");
    $("checks").replaceChildren();
  }
  $("checks-table").hidden = !$("checks").childElementCount;
}

function tellHealth(words, colour) {
  $("health").textContent = words;
  $("health").className = `chip ${colour}`;
}

function checkRow(name, check) {
  const row = make("tr");
  const state = make("td");
  state.append(make("span", { text: check.ok ? "ok" : "failing", className: `chip ${check.ok ? "good" : "bad"}` }));
  if (check.error) state.append(make("p", { text: check.error, className: "small" }));
  row.append(make("th", { text: name, scope: "row" }), state, make("td", { text: check.seconds.toFixed(3), className: "number" }));
  return row;
}

document.addEventListener("session", showSchema);
showSchema();
showHealth();

/** *About*: the engine and its action units from `/schema`, the health from `/readyz`. */

import { ask } from "./session.js";
import { byId as $, make } from "./dom.js";
import { fixed, t } from "./texts.js";
import { SUPPORT, unitCode, unitName } from "./words.js";

const LICENCES = {
  "research-only": t("research-only: academic and non-commercial research"),
  permissive: t("permissive: commercial use is allowed"),
};

const STATUS = { ready: t("ready"), "not ready": t("not ready") };

async function showSchema() {
  try {
    const schema = await ask("/schema");
    const engine = schema.engine;
    const rows = engine
      ? [
          [t("Engine"), engine.name],
          [t("Version"), engine.version ?? t("unknown")],
          [t("Licence class"), LICENCES[engine.licence_class] ?? engine.licence_class],
        ]
      : [[t("Engine"), t("none on this server")]];
    const facts = { version: String(schema.version), pictures: schema.image.length, videos: schema.video.length };
    rows.push([t("Schema of results"), t("version {version}: {pictures} columns for pictures, {videos} for videos", facts)]);
    $("engine").replaceChildren(...rows.flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, value)]));
    showUnits(schema.image);
    $("problem").textContent = "";
  } catch (error) {
    const why = error.status === 401 ? t("shown after sign-in") : t("unknown");
    $("engine").replaceChildren(make("dt", {}, t("Engine")), make("dd", {}, why));
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
    const content = level ? make("span", { class: `chip ${level.kind}` }, level.words) : t("no such column");
    return make("td", { class: level ? null : "muted small" }, content);
  });
  return make("tr", {}, make("th", { scope: "row", class: "number" }, code), make("td", {}, unitName(code)), ...cells);
}

async function showHealth() {
  try {
    // 503 carries the checks as well.
    const response = await fetch("/readyz", { cache: "no-store" });
    const { status, checks } = await response.json();
    showState(STATUS[status] ?? status, status === "ready" ? "good" : "bad");
    $("checks").replaceChildren(...Object.entries(checks).map(([name, check]) => checkRow(name, check)));
  } catch {
    showState(t("does not answer"), "bad");
    $("checks").replaceChildren();
  }
  $("checks-table").hidden = !$("checks").childElementCount;
}

function showState(words, colour) {
  $("health").textContent = words;
  $("health").className = `chip ${colour}`;
}

function checkRow(name, check) {
  const state = make("span", { class: `chip ${check.ok ? "good" : "bad"}` }, check.ok ? t("ok") : t("failing"));
  const why = check.error && make("p", { class: "small", lang: "en" }, check.error);
  const seconds = make("td", { class: "number" }, fixed(check.seconds, 3));
  return make("tr", {}, make("th", { scope: "row" }, name), make("td", {}, state, why), seconds);
}

document.addEventListener("session", showSchema);
showSchema();
showHealth();

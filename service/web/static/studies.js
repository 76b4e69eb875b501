/** *Studies*: the list by name. */

import { byId, make, setText } from "./dom.js";
import { problemWords } from "./job-words.js";
import { ask, current } from "./session.js";
import { t, tn } from "./texts.js";

let cursor = null;
let count = 0;
let loadedAs;

async function load() {
  setText(byId("problem"), "");
  try {
    const page = await ask(`/studies${cursor ? `?cursor=${encodeURIComponent(cursor)}` : ""}`);
    cursor = page.cursor;
    count += page.studies.length;
    byId("studies").append(...page.studies.map(entry));
    setText(byId("count"), countWords());
    byId("more").hidden = !cursor;
  } catch (problem) {
    setText(byId("problem"), problemWords(problem));
    setText(byId("count"), "");
  } finally {
    loadedAs = current().key;
  }
}

function countWords() {
  if (!count) return t("There are no studies yet.");
  if (cursor) return tn("{count} study, and there are more", "{count} studies, and there are more", count);
  return tn("{count} study", "{count} studies", count);
}

function entry({ name }) {
  return make("li", {}, make("a", { href: `/page/studies/${name}` }, name));
}

byId("more").addEventListener("click", load);
document.addEventListener("session", ({ detail }) => {
  if (loadedAs === undefined || loadedAs === detail.key) return;
  [cursor, count] = [null, 0];
  byId("studies").replaceChildren();
  load();
});
load();

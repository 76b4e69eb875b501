/** *People*: enrol from files or the camera, identify, rename, export, delete. */

import { Camera } from "./camera.js";
import { byId, make, setText } from "./dom.js";
import { fitting } from "./reduce.js";
import { ask, current, ready } from "./session.js";
import { fixed, LOCALE, t, tn } from "./texts.js";

const { maxBytes, maxPixels } = byId("people-page").dataset;
const LIMITS = { maxBytes: Number(maxBytes), maxPixels: Number(maxPixels) };
const DAY_ENDS = "T23:59:59";

const camera = new Camera(byId("viewfinder"));
/** Called with the next photo. */
let onPhoto = null;
/** Pictures chosen for the enrolment. */
let chosen = [];
let gallery = null;
let cursor = null;
let people = [];

function fail(problem) {
  setText(byId("problem"), problem.message);
  if (problem.status !== 401) byId("problem").scrollIntoView({ block: "nearest" });
}

/** Run a button's action: the button is disabled meanwhile, and errors are shown. */
async function doing(button, work) {
  setText(byId("problem"), "");
  button.disabled = true;
  try {
    await work();
  } catch (problem) {
    fail(problem);
  } finally {
    button.disabled = false;
  }
}

function path(rest) {
  return `/galleries/${encodeURIComponent(gallery)}${rest}`;
}

// The list

async function start() {
  setText(byId("problem"), "");
  people = [];
  cursor = null;
  byId("people").replaceChildren();
  const answer = await ask("/galleries");
  gallery = answer.galleries[0].name;
  await loadMore();
}

async function loadMore() {
  const page = await ask(path(`/people${cursor ? `?cursor=${cursor}` : ""}`));
  cursor = page.cursor;
  people.push(...page.people);
  show();
}

function show() {
  const wanted = byId("filter").value.trim().toLowerCase();
  const some = people.filter((person) => person.name.toLowerCase().includes(wanted));
  byId("people").replaceChildren(...some.map(row));
  byId("more").hidden = !cursor;
  const count = cursor
    ? tn("{count} person, and there are more", "{count} people, and there are more", some.length)
    : tn("{count} person", "{count} people", some.length);
  setText(byId("count"), people.length || cursor ? count : t("No one is enrolled yet"));
}

function row(person) {
  const about = [tn("{count} face", "{count} faces", person.faces.length), t("consent: {reference}", { reference: person.consent })];
  if (person.expires) about.push(t("until {date}", { date: new Date(person.expires).toLocaleDateString(LOCALE) }));
  const facts = make(
    "div",
    { class: "person-facts" },
    make("strong", {}, person.name),
    make("span", { class: "muted small" }, about.join(" · ")),
  );
  const { name } = person;
  return make(
    "li",
    {},
    face(person),
    facts,
    make("button", { type: "button", "aria-label": t("Rename {name}", { name }), onclick: (event) => rename(event, person) }, t("Rename")),
    make("button", { type: "button", "aria-label": t("Export the data of {name}", { name }), onclick: (event) => exportData(event, person) }, t("Export")),
    make("button", { type: "button", class: "danger", "aria-label": t("Remove {name}", { name }), onclick: (event) => remove(event, person) }, t("Remove")),
  );
}

/** The thumbnail, where one is kept; fetched by script, since it needs the session. */
function face(person) {
  const held = person.faces.find((each) => each.has_thumbnail);
  if (!held) return make("span", { class: "person-face", "aria-hidden": "true" });
  const image = make("img", { class: "person-face", alt: "", width: 48, height: 48 });
  ask(path(`/faces/${held.face_token}/thumbnail`), { raw: true })
    .then((response) => response.blob())
    .then((blob) => {
      image.addEventListener("load", () => URL.revokeObjectURL(image.src), { once: true });
      image.src = URL.createObjectURL(blob);
    })
    .catch(() => {});
  return image;
}

function rename(event, person) {
  const field = make("input", { type: "text", value: person.name, maxlength: 200, required: true, "aria-label": t("New name of {name}", { name: person.name }) });
  const save = make("button", { type: "submit", class: "primary" }, t("Save"));
  const form = make("form", { class: "rename" }, field, save, make("button", { type: "button", onclick: show }, t("Cancel")));
  form.addEventListener("submit", (submitted) => {
    submitted.preventDefault();
    doing(save, async () => {
      const body = JSON.stringify({ name: field.value.trim() });
      const headers = { "Content-Type": "application/json" };
      const changed = await ask(path(`/people/${person.id}`), { method: "PATCH", body, headers });
      people = people.map((each) => (each.id === person.id ? changed : each));
      show();
    });
  });
  event.currentTarget.closest("li").replaceChildren(form);
  field.focus();
  field.select();
}

function exportData(event, person) {
  doing(event.currentTarget, async () => {
    const held = await ask(path(`/people/${person.id}/export`));
    const blob = new Blob([JSON.stringify(held, null, 2)], { type: "application/json" });
    const link = make("a", { href: URL.createObjectURL(blob), download: `person-${person.id}.json` });
    link.click();
    URL.revokeObjectURL(link.href);
  });
}

function remove(event, person) {
  const button = event.currentTarget;
  if (button.dataset.asked !== "yes") {
    // The second press removes.
    button.dataset.asked = "yes";
    button.textContent = t("Really remove?");
    button.setAttribute("aria-label", t("Really remove {name}?", { name: person.name }));
    return;
  }
  doing(button, async () => {
    const receipt = await ask(path(`/people/${person.id}`), { method: "DELETE" });
    people = people.filter((each) => each.id !== person.id);
    show();
    const named = receipt.mentioned_in.length;
    const { name } = person;
    const removed = tn("{name} is removed, with {count} embedding.", "{name} is removed, with {count} embeddings.", receipt.embeddings, { name });
    const results = tn("{count} result names this person and is not changed.", "{count} results name this person and are not changed.", named);
    setText(byId("count"), named ? `${removed} ${results}` : removed);
  });
}

// Who is it?

async function identify(file) {
  setText(byId("found"), t("Looking…"));
  byId("matches").replaceChildren();
  try {
    const { blob } = await fitting(file, LIMITS);
    const form = new FormData();
    form.append("image", blob, "picture");
    const answer = await ask(path("/identify"), { method: "POST", body: form });
    const faces = tn("{count} face", "{count} faces", answer.faces.length);
    const said = t("{faces}; a distance below {threshold} is a match.", { faces, threshold: answer.threshold });
    setText(byId("found"), answer.faces.length ? said : t("No face found."));
    byId("matches").replaceChildren(...answer.faces.map(matched));
  } catch (problem) {
    setText(byId("found"), "");
    throw problem;
  }
}

function matched(found, number) {
  const [best] = found.matches;
  const words = best
    ? t("distance {distance}, confidence {share} %", { distance: fixed(best.distance, 2), share: Math.round(best.confidence * 100) })
    : t("no enrolled person");
  return make(
    "li",
    {},
    make("span", { class: `chip ${best ? "good" : ""}` }, t("Face {number}", { number: number + 1 })),
    make("div", { class: "person-facts" }, make("strong", {}, best?.name ?? t("Unknown")), make("span", { class: "muted small" }, words)),
  );
}

// Enrol

function choose(files) {
  chosen = [...files];
  setText(byId("chosen"), chosen.length ? tn("{count} picture", "{count} pictures", chosen.length) : t("No picture yet"));
}

async function enrol() {
  if (!chosen.length) throw new Error(t("Choose a picture, or take one."));
  const form = new FormData();
  form.append("name", byId("name").value.trim());
  form.append("consent", byId("consent").value.trim());
  if (byId("expires").value) form.append("expires", new Date(byId("expires").value + DAY_ENDS).toISOString());
  form.append("thumbnails", byId("thumbnails").checked ? "true" : "false");
  for (const file of chosen) form.append("images", (await fitting(file, LIMITS)).blob, "picture");
  const person = await ask(path("/people"), { method: "POST", body: form });
  people.unshift(person);
  byId("enrol").reset();
  choose([]);
  show();
  setText(byId("count"), t("{name} is enrolled.", { name: person.name }));
}

// Camera

async function openCamera(then) {
  onPhoto = then;
  await camera.open();
  byId("camera").hidden = false;
  byId("shoot").focus();
}

function closeCamera() {
  camera.close();
  byId("camera").hidden = true;
}

byId("ask-file").addEventListener("click", () => byId("asked").click());
byId("asked").addEventListener("change", ({ target }) => {
  const [file] = target.files;
  target.value = "";
  if (file) doing(byId("ask-file"), () => identify(file));
});
byId("ask-camera").addEventListener("click", ({ currentTarget }) => doing(currentTarget, () => openCamera(identify)));
byId("enrol-file").addEventListener("click", () => byId("pictures").click());
byId("pictures").addEventListener("change", ({ target }) => choose(target.files));
byId("enrol-camera").addEventListener("click", ({ currentTarget }) => {
  doing(currentTarget, () => openCamera(async (photo) => choose([...chosen, photo])));
});
byId("shoot").addEventListener("click", ({ currentTarget }) => {
  doing(currentTarget, async () => {
    const photo = await camera.photo();
    closeCamera();
    await onPhoto(photo);
  });
});
byId("close-camera").addEventListener("click", closeCamera);
byId("enrol").addEventListener("submit", (event) => {
  event.preventDefault();
  doing(event.submitter ?? byId("enrol"), enrol);
});
byId("filter").addEventListener("input", show);
byId("more").addEventListener("click", ({ currentTarget }) => doing(currentTarget, loadMore));
window.addEventListener("pagehide", () => camera.close());

ready.then(() => {
  let signedInAs = current().key;
  document.addEventListener("session", ({ detail }) => {
    if (signedInAs !== detail.key) start().catch(fail);
    signedInAs = detail.key;
  });
  start().catch(fail);
});

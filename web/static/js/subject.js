// What was found, as numbered cut-outs, and why; choosing by list, which is also the keyboard's way.

import { element } from "./elements.js";
import { showEvidence } from "./evidence.js";
import { groupsOf, inOurWords, nameOfInstance } from "./groups.js";
import { mark } from "./outlines.js";
import { setView } from "./stage.js";
import { change, choose, chooseAll, chosenOf, countOf, state } from "./state.js";
import { fillThumbnails } from "./thumbnails.js";

const $ = (id) => document.getElementById(id);

let listed = null; // the opened photo whose entries are there

export function setUpSubject() {
  $("automatic").addEventListener("click", () =>
    change((work) => Object.assign(work, { choice: null, scratch: false })));
  $("everything").addEventListener("click", () => {
    const { instances, subject } = state.current.opened;
    const things = subject.ranking.filter(({ index }) => !instances[index].is_region);
    chooseAll(state.current, (things.length ? things : subject.ranking).map(({ index }) => index));
  });
  $("fix").addEventListener("click", () => setView("fix"));
}

export function showSubject() {
  const photo = state.current;
  const opened = photo?.opened;
  $("reason").textContent = photo ? reasonOf(photo) : "";
  $("automatic").disabled = !opened || (!photo.work.choice && !photo.work.scratch);
  $("everything").disabled = !opened?.instances.length;
  $("fix").disabled = !opened;
  if (listed !== opened) list(photo);
  const chosen = photo ? chosenOf(photo) : [];
  for (const button of $("ranking").querySelectorAll("[data-instance]")) {
    const index = Number(button.dataset.instance);
    const isChosen = chosen.includes(index);
    button.setAttribute("aria-pressed", String(isChosen));
    if (!button.classList.contains("join")) continue;
    button.textContent = isChosen ? "−" : "+";
    button.setAttribute("aria-label", `${isChosen ? "Remove" : "Add"} ${button.dataset.name}`);
    button.disabled = isChosen && chosen.length === 1;
  }
  const ranking = opened?.subject.ranking ?? [];
  showEvidence(opened, ranking.find(({ index }) => chosen.includes(index)) ?? ranking[0]);
}

function reasonOf(photo) {
  const { opened, work } = photo;
  if (!opened) return "";
  const chosen = chosenOf(photo);
  const once = chosen.filter((index) => !chosen.includes(opened.instances[index].holds)); // a cat and its shape: a cat
  const names = once.map((index) => nameOfInstance(opened, index));
  const marks = countOf(work.hints);
  const corrected = marks ? `, corrected by ${marks} ${marks === 1 ? "mark" : "marks"}` : "";
  const listed = new Intl.ListFormat("en").format(names);
  if (work.scratch || (!names.length && marks)) return marks ? `Picked by ${marks} ${marks === 1 ? "mark" : "marks"}.` : "Nothing is picked yet.";
  if (work.choice) return `Chosen by you: ${listed}${corrected}.`;
  if (names.length) return `Cut out: ${listed}${corrected}.`;
  return inOurWords(photo.reason || opened.subject.reason);
}

function list(photo) {
  listed = photo?.opened;
  $("ranking").replaceChildren(...(listed ? groupsOf(listed).map((group) => entry(photo, group)) : []));
  if (listed) fillThumbnails(photo, $("ranking"));
}

function entry(photo, { number, main, whole }) {
  const { opened } = photo;
  const name = nameOfInstance(opened, main);
  const pick = button(photo, main, "pick", (event) => choose(photo, main, event.shiftKey));
  pick.append(
    element("canvas", { className: "thumbnail", width: 144, height: 108 }),
    element("span", { className: "number", textContent: number }),
    element("span", { className: "what", textContent: name }),
  );
  const join = button(photo, main, "join", () => choose(photo, main, true));
  join.dataset.name = name;
  const parts = [pick, join];
  if (whole !== null) {
    const shape = button(photo, whole, "whole", (event) => choose(photo, whole, event.shiftKey));
    shape.append("Whole shape");
    parts.push(shape);
  }
  return element("li", {}, ...parts);
}

function button(photo, index, className, onClick) {
  const made = element("button", { type: "button", className });
  made.dataset.instance = index;
  made.addEventListener("click", onClick);
  made.addEventListener("pointerenter", () => state.view === "choose" && mark(index));
  made.addEventListener("pointerleave", () => mark(null));
  return made;
}

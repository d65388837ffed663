// The ranking and its reasons; choosing by list, which is also the way of the keyboard.

import { element, percent } from "./elements.js";
import { showEvidence } from "./evidence.js";
import { mark } from "./stage.js";
import { change, choose, chosenOf, isRegion, state } from "./state.js";

const $ = (id) => document.getElementById(id);

let listed = null; // the opened photo whose ranking is there

export function setUpSubject() {
  $("automatic").addEventListener("click", () =>
    change(({ choices }) => delete choices[state.current.key]));
  $("everything").addEventListener("click", () => {
    const { subject } = state.current.opened;
    const things = subject.ranking.filter((one) => !isRegion(one));
    const all = (things.length ? things : subject.ranking).map((one) => one.index);
    change((it) => { it.choices = { ...it.choices, [state.current.key]: all.sort((a, b) => a - b) }; });
  });
}

export function showSubject() {
  const photo = state.current;
  const opened = photo?.opened;
  $("reason").textContent = reasonOf(photo);
  $("automatic").disabled = !opened || !state.choices[photo.key];
  $("everything").disabled = !opened?.instances.length;
  if (listed !== opened) list(photo);
  const chosen = photo ? chosenOf(photo) : [];
  const ranking = opened?.subject.ranking ?? [];
  const best = ranking.find((one) => chosen.includes(one.index));
  for (const row of $("ranking").children) {
    const index = Number(row.dataset.index);
    const isChosen = chosen.includes(index);
    row.querySelector(".why").hidden = index === best?.index && !state.choices[photo.key]; // it stands above
    row.querySelector(".pick").setAttribute("aria-pressed", String(isChosen));
    const join = row.querySelector(".join");
    join.textContent = isChosen ? "−" : "+";
    join.setAttribute("aria-label", `${isChosen ? "Take away" : "Add"} ${row.dataset.label}`);
    join.disabled = isChosen && chosen.length === 1;
  }
  showEvidence(best ?? ranking[0]);
}

function reasonOf(photo) {
  if (!photo?.opened) return "";
  const labels = (state.choices[photo.key] ?? []).map((index) => photo.opened.instances[index].label);
  if (labels.length) return `Chosen by you: ${new Intl.ListFormat("en").format(labels)}.`;
  return photo.reason || photo.opened.subject.reason;
}

function list(photo) {
  listed = photo?.opened;
  $("ranking").replaceChildren(...(listed ? listed.subject.ranking.map((one) => row(photo, one)) : []));
}

function row(photo, candidate) {
  const chance = element("span", { className: "chance", ariaHidden: "true" }, element("i"));
  chance.firstChild.style.width = `${100 * candidate.score}%`;
  const pick = element(
    "button",
    { type: "button", className: "pick", title: candidate.reason },
    element("span", { className: "label", textContent: candidate.label }),
    element("span", { className: "score", textContent: percent(candidate.score) }),
    chance,
    element("small", { className: "why", textContent: candidate.reason }),
  );
  pick.dataset.instance = candidate.index;
  pick.addEventListener("click", (event) => choose(photo, candidate.index, event.shiftKey));
  const join = element("button", { type: "button", className: "join quiet" });
  join.addEventListener("click", () => choose(photo, candidate.index, true));
  const item = element("li", {}, pick, join);
  Object.assign(item.dataset, { index: candidate.index, label: candidate.label });
  item.addEventListener("pointerenter", () => mark(candidate.index));
  item.addEventListener("pointerleave", () => mark(null));
  return item;
}

// The ranking and its reasons; choosing by list, which is also the way of the keyboard.

import { mark } from "./stage.js";
import { change, choose, chosenOf, state } from "./state.js";

const $ = (id) => document.getElementById(id);
const FEATURES = ["saliency", "size", "centrality", "confidence", "border"];
const WORDS = { saliency: "stands out", size: "large", centrality: "central", confidence: "certain", border: "whole" };

let listed = null; // the opened photo whose ranking is there

function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

export function setUpSubject() {
  $("legend").append(...FEATURES.map((name) => element("li", {}, element("i", { className: name }), WORDS[name])));
  $("automatic").addEventListener("click", () =>
    change(({ choices }) => delete choices[state.current.key]));
  $("everything").addEventListener("click", () => {
    const { instances, subject } = state.current.opened;
    const things = subject.ranking.map((one) => one.index).filter((index) => instances[index].label !== "salient region");
    const all = things.length ? things : subject.ranking.map((one) => one.index);
    change((it) => { it.choices = { ...it.choices, [state.current.key]: all.sort((a, b) => a - b) }; });
  });
}

export function showSubject() {
  const photo = state.current;
  const opened = photo?.opened;
  const problem = photo?.problem;
  $("reason").textContent = problem ? problem.message : opened ? photo.reason || opened.subject.reason : "";
  $("reason").classList.toggle("alarm", Boolean(problem));
  $("help").hidden = !opened || chosenOf(photo).length > 0;
  $("help").textContent = opened?.instances.length
    ? "Nothing here is clearly the subject. Choose something in the list or in the photo, or take everything."
    : "Try another photo, with a subject that is larger or stands out more.";
  $("automatic").disabled = !opened || !state.choices[photo.key];
  $("everything").disabled = !opened?.instances.length;
  $("legend").hidden = !opened?.instances.length;
  if (listed !== opened) list(photo);
  const chosen = opened ? chosenOf(photo) : [];
  for (const row of $("ranking").children) {
    const isChosen = chosen.includes(Number(row.dataset.index));
    row.querySelector(".pick").setAttribute("aria-pressed", String(isChosen));
    const join = row.querySelector(".join");
    join.textContent = isChosen ? "−" : "+";
    join.setAttribute("aria-label", `${isChosen ? "Take away" : "Add"} ${row.dataset.label}`);
    join.disabled = isChosen && chosen.length === 1;
  }
}

function list(photo) {
  listed = photo?.opened;
  $("ranking").replaceChildren(...(listed ? listed.subject.ranking.map((one) => row(photo, one)) : []));
}

function row(photo, candidate) {
  const shares = element("span", { className: "shares", ariaHidden: "true" });
  for (const name of FEATURES) {
    const share = element("i", { className: name, title: WORDS[name] });
    share.style.width = `${100 * candidate.contributions[name]}%`;
    shares.append(share);
  }
  const best = FEATURES.map((name) => [candidate.contributions[name], WORDS[name]]).sort((a, b) => b[0] - a[0]);
  const pick = element(
    "button",
    { type: "button", className: "pick", title: `Mostly for being ${best[0][1]} and ${best[1][1]}` },
    element("span", { className: "label", textContent: candidate.label }),
    element("span", { className: "score", textContent: candidate.score.toFixed(2) }),
    shares,
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

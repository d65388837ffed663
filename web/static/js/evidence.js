// What speaks for a candidate and what against: the chooser's numbers, the strongest first.

import { element, percent } from "./elements.js";
import { inOurWords, nameOfInstance } from "./groups.js";

const $ = (id) => document.getElementById(id);
const LEAST = 0.2; // log-odds that are worth a line

// What a number above 0 says; below, it says the opposite.
const WORDS = {
  saliency: "Stands out",
  attention: "Draws the eye",
  size: "Large",
  centrality: "Central",
  border: "Whole in the frame",
  focus: "In focus",
  confidence: "Clearly recognised",
  alive: "Alive",
  furniture: "Not furniture",
  only_region: "Of a known class",
  kin_left_out: "No others like it",
  neighbour_left_out: "On its own",
};

let shown = null; // the candidate whose numbers are there

export function showEvidence(opened, candidate) {
  $("evidence").hidden = !candidate;
  if (!candidate || shown === candidate) return;
  shown = candidate;
  const name = nameOfInstance(opened, candidate.index);
  $("why").textContent = `${name}: ${percent(candidate.score)} likely to be the subject. ${inOurWords(candidate.reason)}.`;
  const numbers = Object.entries(candidate.contributions)
    .filter(([, value]) => Math.abs(value) >= LEAST)
    .sort(([, a], [, b]) => Math.abs(b) - Math.abs(a));
  const most = Math.max(...numbers.map(([, value]) => Math.abs(value)), 1);
  $("weights").replaceChildren(...numbers.map(([name, value]) => weight(WORDS[name] ?? name, value, most)));
}

function weight(word, value, most) {
  const beam = element("span", { className: "beam", ariaHidden: "true" }, element("i", { className: value > 0 ? "for" : "against" }));
  beam.firstChild.style.width = `${(50 * Math.abs(value)) / most}%`;
  const figure = `${value > 0 ? "+" : "−"}${Math.abs(value).toFixed(1)}`;
  return element("li", {}, element("span", { textContent: word }), beam, element("span", { className: "figure", textContent: figure }));
}

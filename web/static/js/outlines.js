// The things in the photo, to be pointed at: smooth outlines, and the numbers of the list.

import { element } from "./elements.js";
import { groupsOf, nameOfInstance } from "./groups.js";
import { choose, chosenOf, state } from "./state.js";

const $ = (id) => document.getElementById(id);
const SVG = "http://www.w3.org/2000/svg";
const HOVERS = matchMedia("(hover: hover)");
const ROUND = 0.008; // of the photo's longer side: how far from a corner its rounding begins
const outlines = $("outlines");

let traced = null; // the opened photo whose outlines are there

/** Marks one instance on the photo and in the list, or none. */
export function mark(index) {
  for (const one of document.querySelectorAll(".near")) one.classList.remove("near");
  $("tip").hidden = index === null;
  if (index === null) return;
  for (const one of document.querySelectorAll(`[data-instance="${index}"]`)) one.classList.add("near");
  const name = nameOfInstance(state.current.opened, index);
  $("tip").textContent = HOVERS.matches ? `${name}: ${deedAt(index)}` : name;
}

function deedAt(index) {
  const chosen = chosenOf(state.current);
  if (!chosen.includes(index)) return chosen.length ? "click to choose, Shift-click to add" : "click to choose";
  return chosen.length > 1 ? "Shift-click to remove" : "this is cut out";
}

export function showOutlines() {
  const photo = state.current;
  if (traced !== photo.opened) trace(photo);
  const chosen = chosenOf(photo);
  for (const path of outlines.children) {
    path.classList.toggle("chosen", chosen.includes(Number(path.dataset.instance)));
  }
  for (const number of $("numbers").children) {
    number.classList.toggle("chosen", JSON.parse(number.dataset.instances).some((one) => chosen.includes(one)));
  }
}

function trace(photo) {
  traced = photo.opened;
  $("tip").hidden = true;
  const { width = 1, height = 1, instances = [] } = photo.opened ?? {};
  outlines.setAttribute("viewBox", `0 0 ${width} ${height}`);
  // Small things lie on top, and whole shapes below: who points at a dog means the dog.
  const size = ({ box: [, , w, h] }) => w * h;
  const order = instances
    .map((one, index) => ({ ...one, index }))
    .sort((a, b) => b.is_region - a.is_region || size(b) - size(a));
  outlines.replaceChildren(...order.map((one) => path(photo, one)));
  $("numbers").replaceChildren(...(photo.opened ? groupsOf(photo.opened).map((group) => number(photo.opened, group)) : []));
}

function path(photo, { outline, index, holds }) {
  const { width, height } = photo.opened;
  const made = document.createElementNS(SVG, "path");
  made.setAttribute("d", smooth(outline, ROUND * Math.max(width, height)));
  made.dataset.instance = index;
  made.classList.toggle("shape-of-a-thing", holds !== null);
  made.addEventListener("pointerenter", () => mark(index));
  made.addEventListener("pointerleave", () => mark(null));
  made.addEventListener("click", (event) => choose(photo, index, event.shiftKey));
  return made;
}

/** The same outline with its corners rounded. */
function smooth(outline, radius) {
  return outline.replace(/M([^Z]+)Z/g, (_, text) => {
    const points = text.split("L").map((pair) => pair.split(" ").map(Number));
    const towards = (from, to) => {
      const length = Math.hypot(to[0] - from[0], to[1] - from[1]) || 1;
      const share = Math.min(0.5, radius / length);
      return [0, 1].map((axis) => (from[axis] + share * (to[axis] - from[axis])).toFixed(1)).join(" ");
    };
    const pieces = points.map((point, at) => {
      const before = points.at(at - 1);
      const after = points[(at + 1) % points.length];
      return `${towards(point, before)}Q${point.join(" ")} ${towards(point, after)}`;
    });
    return `M${pieces.join("L")}Z`;
  });
}

/** A group's number, on the thing itself: the middle of its box, or what of it is nearest to that. */
function number({ width, height, instances }, { main, instances: members, number: figure }) {
  const { box: [x, y, w, h], outline } = instances[main];
  const shape = new Path2D(outline);
  const context = document.createElement("canvas").getContext("2d");
  let best = [x + w / 2, y + h / 2];
  let least = Infinity;
  for (let row = 0; row < 15; row += 1) {
    for (let column = 0; column < 15; column += 1) {
      const place = [x + ((column + 0.5) * w) / 15, y + ((row + 0.5) * h) / 15];
      const far = Math.hypot((column - 7) / 15, (row - 7) / 15);
      if (far < least && context.isPointInPath(shape, ...place, "evenodd")) [best, least] = [place, far];
    }
  }
  const made = element("span", { className: "number", textContent: figure });
  made.style.left = `${(100 * best[0]) / width}%`;
  made.style.top = `${(100 * best[1]) / height}%`;
  made.dataset.instances = JSON.stringify(members);
  return made;
}

// The photo, its cut-out, and the outlines to click; before and after.

import { setSource } from "./elements.js";
import { cannotShow } from "./photos.js";
import { choose, chosenOf, isRegion, state } from "./state.js";
import { layOut } from "./zoom.js";

const $ = (id) => document.getElementById(id);
const SVG = "http://www.w3.org/2000/svg";
const HOVERS = matchMedia("(hover: hover)");

const stage = $("stage");
const sheet = $("sheet");
const result = $("result");
const original = $("original");
const outlines = $("outlines");

let traced = null; // the opened photo whose outlines are there

export function setUpStage() {
  for (const radio of document.querySelectorAll("input[name=view]")) {
    radio.addEventListener("change", () => setView(radio.value));
  }
  $("compare").addEventListener("input", showStage);
  sheet.addEventListener("pointerdown", onPointer);
  sheet.addEventListener("pointermove", (event) => event.buttons && onPointer(event));
  original.addEventListener("error", () => {
    if (original.getAttribute("src") === state.current?.url) cannotShow(state.current);
  });
}

export function setView(view) {
  stage.dataset.view = view;
  document.querySelector(`input[name=view][value=${view}]`).checked = true;
  $("slider").hidden = view !== "compare";
  showStage();
  layOut();
}

/** Marks one instance on the photo and in the list, or none. */
export function mark(index) {
  for (const one of document.querySelectorAll(".near")) one.classList.remove("near");
  $("tip").hidden = index === null;
  if (index === null) return;
  for (const one of document.querySelectorAll(`[data-instance="${index}"]`)) one.classList.add("near");
  const { label } = state.current.opened.instances[index];
  $("tip").textContent = HOVERS.matches ? `${label} – ${deedAt(index)}` : label;
}

function deedAt(index) {
  const chosen = chosenOf(state.current);
  if (!chosen.includes(index)) return chosen.length ? "click to choose, Shift-click to add" : "click to choose";
  return chosen.length > 1 ? "Shift-click to take away" : "the subject";
}

export function showStage() {
  const photo = state.current;
  if (!photo) return;
  setSource(original, photo.url);
  setSource(result, photo.picture);
  sheet.hidden = !photo.url && !photo.picture;
  stage.toggleAttribute("data-cropped", state.look.crop && Boolean(photo.picture));
  stage.toggleAttribute("data-uncut", !photo.picture);
  stage.toggleAttribute("data-undecided", !photo.picture && !photo.problem && !photo.doing);
  showOutlines(photo);
  const share = stage.dataset.view === "compare" ? Number($("compare").value) : null;
  original.style.clipPath = share === null ? "" : `inset(0 ${100 - share}% 0 0)`;
  $("divider").style.left = `${share ?? 0}%`;
  $("busy").hidden = !photo.doing;
  $("doing").textContent = photo.doing;
  if (photo.share === null) $("progress").removeAttribute("value");
  else $("progress").value = photo.share;
}

function showOutlines(photo) {
  if (traced !== photo.opened) trace(photo);
  const chosen = chosenOf(photo);
  for (const path of outlines.children) path.classList.toggle("chosen", chosen.includes(Number(path.dataset.instance)));
}

function trace(photo) {
  traced = photo.opened;
  const { width = 0, height = 0, instances = [] } = photo.opened ?? {};
  outlines.setAttribute("viewBox", `0 0 ${width} ${height}`);
  // Small things lie on top, and regions below: who points at a dog means the dog.
  const size = ({ box: [, , w, h] }) => w * h;
  const order = instances
    .map((one, index) => ({ ...one, index }))
    .sort((a, b) => isRegion(b) - isRegion(a) || size(b) - size(a));
  outlines.replaceChildren(...order.map(({ outline, index }) => path(photo, outline, index)));
}

function path(photo, outline, index) {
  const element = document.createElementNS(SVG, "path");
  element.setAttribute("d", outline);
  element.dataset.instance = index;
  element.addEventListener("pointerenter", () => mark(index));
  element.addEventListener("pointerleave", () => mark(null));
  element.addEventListener("click", (event) => choose(photo, index, event.shiftKey));
  return element;
}

/** In the view "compare" the picture itself is the slider. */
function onPointer(event) {
  if (stage.dataset.view !== "compare") return;
  event.preventDefault();
  const { left, width } = sheet.getBoundingClientRect();
  $("compare").value = Math.round((100 * (event.clientX - left)) / width);
  showStage();
}

// The photo and its cut-out; which of them is seen, and how they lie on each other.

import { showCompare } from "./compare.js";
import { setSource } from "./elements.js";
import { showShade } from "./listen.js";
import { showMarks } from "./marks.js";
import { mark, showOutlines } from "./outlines.js";
import { cannotShow, cancel } from "./photos.js";
import { display, state } from "./state.js";
import { layOut, showsResult } from "./zoom.js";

const $ = (id) => document.getElementById(id);
const stage = $("stage");
const original = $("original");

export function setUpStage() {
  for (const radio of document.querySelectorAll("input[name=view]")) {
    radio.addEventListener("change", () => setView(radio.value));
  }
  $("cancel").addEventListener("click", () => cancel(state.current));
  original.addEventListener("error", () => {
    if (original.getAttribute("src") === state.current?.url) cannotShow(state.current);
  });
}

export function setView(view) {
  mark(null);
  display({ view, grid: false, dragging: false });
}

export function showStage() {
  const photo = state.current;
  if (!photo) return;
  const { view } = state;
  stage.dataset.view = view;
  document.querySelector(`input[name=view][value=${view}]`).checked = true;
  setSource(original, photo.url);
  setSource($("result"), photo.sharp || photo.picture);
  $("sheet").hidden = !photo.url && !photo.picture;
  stage.toggleAttribute("data-uncut", !photo.picture);
  stage.toggleAttribute("data-undecided", !photo.picture && !photo.problem && !photo.doing);
  stage.toggleAttribute("data-dragging", state.dragging);
  placeOriginal(photo);
  showOutlines();
  showMarks();
  showShade();
  showCompare();
  $("busy").hidden = !photo.doing;
  $("doing").textContent = photo.doing;
  if (photo.share === null) $("progress").removeAttribute("value");
  else $("progress").value = photo.share;
  layOut();
}

/** The photo lies where the result has it: that may be cropped, moved or scaled. */
function placeOriginal(photo) {
  const { style } = original;
  if (!showsResult()) {
    Object.assign(style, { left: "0", top: "0", width: "100%", height: "100%" });
    return;
  }
  const [left, top, width, height] = photo.box;
  const share = (value, side) => `${(100 * value) / side}%`;
  const [wide, high] = photo.size;
  Object.assign(style, {
    left: share(left, wide), top: share(top, high), width: share(width, wide), height: share(height, high),
  });
}

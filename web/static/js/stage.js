// The photo, its cut-out, and the outlines to click; before/after, zoom.

import { showThroughServer } from "./photos.js";
import { choose, chosenOf, state } from "./state.js";

const $ = (id) => document.getElementById(id);
const SVG = "http://www.w3.org/2000/svg";
const MOST = 8;

const stage = $("stage");
const sheet = $("sheet");
const result = $("result");
const original = $("original");
const outlines = $("outlines");

let zoom = 1;
let traced = null; // the photo whose outlines are there

export function setUpStage() {
  for (const radio of document.querySelectorAll("input[name=view]")) {
    radio.addEventListener("change", () => setView(radio.value));
  }
  $("compare").addEventListener("input", showStage);
  $("zoom-in").addEventListener("click", () => setZoom(zoom * 1.5));
  $("zoom-out").addEventListener("click", () => setZoom(zoom / 1.5));
  $("zoom-fit").addEventListener("click", () => setZoom(1));
  stage.addEventListener("wheel", onWheel, { passive: false });
  sheet.addEventListener("pointerdown", onPointer);
  sheet.addEventListener("pointermove", (event) => event.buttons && onPointer(event));
  result.addEventListener("load", layOut);
  original.addEventListener("load", layOut);
  original.addEventListener("error", () => {
    const photo = state.current;
    if (photo?.opened && original.src === photo.url) showThroughServer(photo);
  });
  new ResizeObserver(layOut).observe(stage);
}

export function setView(view) {
  stage.dataset.view = view;
  document.querySelector(`input[name=view][value=${view}]`).checked = true;
  $("slider").hidden = view !== "compare";
  showStage();
  layOut();
}

export function setZoom(wanted) {
  zoom = Math.min(MOST, Math.max(1, wanted));
  if (zoom < 1.05) zoom = 1;
  layOut();
}

export const getZoom = () => zoom;

/** Marks one instance on the photo and in the list, or none. */
export function mark(index) {
  for (const one of document.querySelectorAll(".near")) one.classList.remove("near");
  const tip = $("tip");
  tip.hidden = index === null;
  if (index === null) return;
  for (const one of document.querySelectorAll(`[data-instance="${index}"]`)) one.classList.add("near");
  const { label } = state.current.opened.instances[index];
  tip.textContent = chosenOf(state.current).includes(index) ? `${label} – shift-click takes it away` : `${label} – click to choose, shift-click to add`;
}

export function showStage() {
  const photo = state.current;
  if (!photo) return;
  setSource(original, photo.url);
  setSource(result, photo.picture);
  stage.toggleAttribute("data-cropped", state.look.crop);
  if (photo.opened && traced !== photo.opened) trace(photo);
  if (!photo.opened) outlines.replaceChildren();
  const chosen = photo.opened ? chosenOf(photo) : [];
  for (const path of outlines.children) path.classList.toggle("chosen", chosen.includes(Number(path.dataset.instance)));
  const share = stage.dataset.view === "compare" ? Number($("compare").value) : null;
  original.style.clipPath = share === null ? "" : `inset(0 ${100 - share}% 0 0)`;
  $("divider").style.left = `${share ?? 0}%`;
  const before = !photo.picture;
  original.style.opacity = before ? "1" : "";
  $("busy").hidden = !photo.doing;
  $("doing").textContent = photo.doing;
  const bar = $("progress");
  if (photo.share === null) bar.removeAttribute("value");
  else bar.value = photo.share;
}

function setSource(image, url) {
  if (url && image.getAttribute("src") !== url) image.src = url;
  if (!url) image.removeAttribute("src");
}

function trace(photo) {
  const { width, height, instances } = photo.opened;
  traced = photo.opened;
  outlines.setAttribute("viewBox", `0 0 ${width} ${height}`);
  const size = ({ box: [, , w, h] }) => w * h;
  const order = instances.map((one, index) => ({ ...one, index })).sort((a, b) => size(b) - size(a));
  outlines.replaceChildren(...order.map(({ outline, index }) => path(photo, outline, index))); // the small ones on top
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

/** Fits the sheet to the stage, in the proportions of what it shows, times the zoom. */
function layOut() {
  const cropped = state.look.crop && stage.dataset.view !== "choose" && result.naturalWidth;
  const { naturalWidth: width, naturalHeight: height } = cropped || !original.naturalWidth ? result : original;
  if (!width) return;
  const room = 24;
  const fit = Math.min((stage.clientWidth - room) / width, (stage.clientHeight - room) / height);
  sheet.style.width = `${width * fit * zoom}px`;
  sheet.style.height = `${height * fit * zoom}px`;
  $("zoom-fit").textContent = `${Math.round(100 * zoom)} %`;
}

function onWheel(event) {
  if (!event.ctrlKey && !event.metaKey) return;
  event.preventDefault();
  const before = sheet.getBoundingClientRect();
  const x = (event.clientX - before.left) / before.width;
  const y = (event.clientY - before.top) / before.height;
  setZoom(zoom * Math.exp(-event.deltaY / 300));
  const after = sheet.getBoundingClientRect(); // keep what is under the pointer there
  stage.scrollLeft += after.left + x * after.width - event.clientX;
  stage.scrollTop += after.top + y * after.height - event.clientY;
}

/** In the view "compare" the picture itself is the slider. */
function onPointer(event) {
  if (stage.dataset.view !== "compare") return;
  event.preventDefault();
  const { left, width } = sheet.getBoundingClientRect();
  $("compare").value = Math.round((100 * (event.clientX - left)) / width);
  showStage();
}

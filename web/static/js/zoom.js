// How large the photo is on the stage, and which part of it is seen. 100 % is its own pixels.

import { sharpen } from "./photos.js";
import { state } from "./state.js";

const $ = (id) => document.getElementById(id);
const MOST = 8; // CSS pixels for a pixel of the photo
const ROOM = 24; // pixels of the stage around the photo
const STILL = 4; // pixels that a click may tremble
const CLOSE = 1.15; // from so much more than the preview's pixels on, full size is worth its while

const stage = $("stage");
const sheet = $("sheet");

let zoom = null; // CSS pixels for a pixel; null: all of it is seen
let pointer = null; // where the mouse is over the stage
let sharpening = null;

export function setUpZoom() {
  $("zoom-in").addEventListener("click", () => zoomBy(1.5, null));
  $("zoom-out").addEventListener("click", () => zoomBy(1 / 1.5, null));
  $("zoom-fit").addEventListener("click", () => (zoom === null ? zoomTo(1 / devicePixelRatio, null) : fit()));
  for (const image of [$("result"), $("original")]) image.addEventListener("load", layOut);
  stage.addEventListener("wheel", onWheel, { passive: false });
  stage.addEventListener("pointerdown", onGrab);
  stage.addEventListener("pointermove", (event) => { pointer = [event.clientX, event.clientY]; });
  stage.addEventListener("pointerleave", () => { pointer = null; });
  stage.addEventListener("touchstart", onFingers, { passive: false });
  for (const kind of ["keydown", "keyup"]) addEventListener(kind, onSpace);
  new ResizeObserver(layOut).observe(stage);
}

/** Whether the sheet shows the result, which may have a shape of its own, and not the photo. */
export const showsResult = () =>
  !["choose", "fix"].includes(state.view) && Boolean(state.current?.picture && state.current.box && state.current.opened);

/** Width and height of what is shown, in pixels of its full size. */
function fullSize() {
  const photo = state.current;
  const original = $("original");
  if (showsResult()) {
    const { canvas, scale } = photo.work.look;
    const exact = /^(\d+)x\d+$/.exec(canvas)?.[1];
    const shown = (100 * photo.box[2]) / scale; // the photo's width in the preview, at its own size
    const width = exact ? Number(exact) : (photo.size[0] * photo.opened.width) / shown;
    return [width, (width * photo.size[1]) / photo.size[0]];
  }
  return [photo?.opened?.width ?? original.naturalWidth, photo?.opened?.height ?? original.naturalHeight];
}

function fitting([width, height]) {
  return Math.min((stage.clientWidth - ROOM) / width, (stage.clientHeight - ROOM) / height, MOST);
}

/** CSS pixels for one pixel of what is shown. */
export const pixelsPerPixel = () => sheet.clientWidth / fullSize()[0];

export function zoomBy(factor, at = pointer) {
  zoomTo((zoom ?? fitting(fullSize())) * factor, at);
}

export function fit() {
  zoom = null;
  layOut();
}

/** Zooms, and keeps what is at this place of the window there; by default the stage's middle. */
function zoomTo(wanted, at) {
  const whole = fitting(fullSize());
  const least = Math.min(whole, 1 / devicePixelRatio); // a small photo's own pixels are less than all there is room for
  const { left, top, width, height } = stage.getBoundingClientRect();
  const [clientX, clientY] = at ?? [left + width / 2, top + height / 2];
  const before = sheet.getBoundingClientRect();
  const x = (clientX - before.left) / before.width;
  const y = (clientY - before.top) / before.height;
  zoom = Math.min(Math.max(wanted, least), Math.max(MOST, whole));
  if (Math.abs(zoom / whole - 1) < 0.03) zoom = null;
  layOut();
  const after = sheet.getBoundingClientRect();
  stage.scrollLeft += after.left + x * after.width - clientX;
  stage.scrollTop += after.top + y * after.height - clientY;
}

/** Fits the sheet to the stage, in the proportions of what it shows, or zooms it. */
export function layOut() {
  const size = fullSize();
  if (!size[0] || !stage.clientWidth) return;
  stage.style.setProperty("--shape", size[0] / size[1]); // a phone's stage is as high as the photo needs
  const scale = zoom ?? fitting(size);
  sheet.style.width = `${size[0] * scale}px`;
  sheet.style.height = `${size[1] * scale}px`;
  stage.toggleAttribute("data-zoomed", scale > fitting(size));
  $("zoom-fit").textContent = `${Math.round(100 * scale * devicePixelRatio)} %`;
  clearTimeout(sharpening);
  const shown = scale * size[0] * devicePixelRatio;
  if (showsResult() && zoom !== null && shown > CLOSE * state.current.size[0]) {
    sharpening = setTimeout(() => sharpen(state.current), 350);
  }
}

function onWheel(event) {
  if (!event.ctrlKey && !event.metaKey) return;
  event.preventDefault();
  zoomBy(Math.exp(-event.deltaY / 300), [event.clientX, event.clientY]);
}

function onSpace(event) {
  if (event.code !== "Space" || event.target !== stage) return;
  event.preventDefault();
  if (event.type === "keydown") stage.dataset.space = "held";
  else delete stage.dataset.space;
}

/** A mouse drags the zoomed photo where nothing else is done with it; fingers scroll it. */
function onGrab(down) {
  const free = ["result", "choose"].includes(state.view) && !state.dragging && down.button === 0;
  if (zoom === null || down.pointerType !== "mouse" || !(free || stage.dataset.space || down.button === 1)) return;
  if (down.button === 1) down.preventDefault();
  const { scrollLeft, scrollTop } = stage;
  const way = (event) => [event.clientX - down.clientX, event.clientY - down.clientY];
  const drag = (event) => stage.scrollTo(scrollLeft - way(event)[0], scrollTop - way(event)[1]);
  const swallow = (event) => event.stopPropagation();
  addEventListener("pointermove", drag);
  addEventListener("pointerup", (up) => {
    removeEventListener("pointermove", drag);
    if (Math.hypot(...way(up)) <= STILL) return;
    addEventListener("click", swallow, { capture: true, once: true }); // a drag chooses nothing
    setTimeout(() => removeEventListener("click", swallow, { capture: true }));
  }, { once: true });
}

/** Two fingers zoom and move the photo; the browser would zoom the page. */
function onFingers(down) {
  if (down.touches.length !== 2) return;
  down.preventDefault();
  stage.dispatchEvent(new Event("twofingers"));
  const read = ({ touches: [a, b] }) => ({
    apart: Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY),
    middle: [(a.clientX + b.clientX) / 2, (a.clientY + b.clientY) / 2],
  });
  let last = read(down);
  const stop = new AbortController();
  const options = { signal: stop.signal, passive: false };
  stage.addEventListener("touchmove", (event) => {
    if (event.touches.length !== 2) return;
    event.preventDefault();
    const now = read(event);
    zoomBy(now.apart / last.apart, now.middle);
    stage.scrollBy(last.middle[0] - now.middle[0], last.middle[1] - now.middle[1]);
    last = now;
  }, options);
  for (const kind of ["touchend", "touchcancel"]) stage.addEventListener(kind, () => stop.abort(), options);
}

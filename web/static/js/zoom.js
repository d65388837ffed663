// How large the photo is on the stage, and which part of it is seen.

import { state } from "./state.js";

const $ = (id) => document.getElementById(id);
const MOST = 8;
const ROOM = 24; // pixels of the stage around the photo
const STILL = 4; // pixels that a click may tremble

const stage = $("stage");
const sheet = $("sheet");

let zoom = 1;

export function setUpZoom() {
  $("zoom-in").addEventListener("click", () => zoomBy(1.5));
  $("zoom-out").addEventListener("click", () => zoomBy(1 / 1.5));
  $("zoom-fit").addEventListener("click", fit);
  for (const image of [$("result"), $("original")]) image.addEventListener("load", layOut);
  stage.addEventListener("wheel", onWheel, { passive: false });
  stage.addEventListener("pointerdown", onGrab);
  new ResizeObserver(layOut).observe(stage);
}

export function zoomBy(factor) {
  zoom = Math.min(MOST, Math.max(1, zoom * factor));
  if (zoom < 1.05) zoom = 1;
  layOut();
}

export const fit = () => zoomBy(0);

/** Fits the sheet to the stage, in the proportions of what it shows, times the zoom. */
export function layOut() {
  const [result, original] = [$("result"), $("original")];
  const cropped = state.look.crop && stage.dataset.view !== "choose" && result.naturalWidth;
  const { naturalWidth: width, naturalHeight: height } = cropped || !original.naturalWidth ? result : original;
  if (!width) return;
  stage.style.setProperty("--shape", width / height); // a phone's stage is as high as the photo needs
  const scale = zoom * Math.min((stage.clientWidth - ROOM) / width, (stage.clientHeight - ROOM) / height);
  sheet.style.width = `${width * scale}px`;
  sheet.style.height = `${height * scale}px`;
  stage.toggleAttribute("data-zoomed", zoom > 1);
  $("zoom-fit").textContent = `${Math.round(100 * zoom)} %`;
}

function onWheel(event) {
  if (!event.ctrlKey && !event.metaKey) return;
  event.preventDefault();
  const before = sheet.getBoundingClientRect();
  const x = (event.clientX - before.left) / before.width;
  const y = (event.clientY - before.top) / before.height;
  zoomBy(Math.exp(-event.deltaY / 300));
  const after = sheet.getBoundingClientRect(); // keep what is under the pointer there
  stage.scrollLeft += after.left + x * after.width - event.clientX;
  stage.scrollTop += after.top + y * after.height - event.clientY;
}

/** A mouse drags the zoomed photo; fingers scroll it without our help. */
function onGrab(down) {
  if (zoom === 1 || down.pointerType !== "mouse" || stage.dataset.view === "compare") return;
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

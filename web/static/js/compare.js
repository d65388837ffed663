// Before and after: the picture itself is the slider, for mouse, finger and keys.

import { display, state } from "./state.js";

const $ = (id) => document.getElementById(id);
const sheet = $("sheet");

export function setUpCompare() {
  $("compare").addEventListener("input", () => display({ share: Number($("compare").value) }));
  sheet.addEventListener("pointerdown", (down) => {
    if (state.view !== "compare" || !down.isPrimary || down.button !== 0) return;
    down.preventDefault();
    sheet.setPointerCapture(down.pointerId);
    $("compare").focus({ preventScroll: true });
    onPointer(down);
  });
  sheet.addEventListener("pointermove", (event) => {
    if (state.view === "compare" && sheet.hasPointerCapture(event.pointerId)) onPointer(event);
  });
}

function onPointer({ clientX }) {
  const { left, width } = sheet.getBoundingClientRect();
  display({ share: Math.min(100, Math.max(0, Math.round((1000 * (clientX - left)) / width) / 10)) });
}

export function showCompare() {
  const comparing = state.view === "compare" && Boolean(state.current?.picture);
  const { share } = state;
  $("divider").hidden = !comparing;
  $("compare").disabled = !comparing;
  $("compare").tabIndex = comparing ? 0 : -1;
  $("compare").value = share;
  $("divider").style.left = `${share}%`;
  $("before").style.clipPath = comparing ? `inset(0 ${100 - share}% 0 0)` : "";
}

// Moving the subject on its canvas by dragging the result.

import { changeLook, display, state } from "./state.js";

const $ = (id) => document.getElementById(id);
const sheet = $("sheet");

export function setUpPlace() {
  $("drag").addEventListener("click", () => display({ dragging: !state.dragging, view: "result", grid: false }));
  $("centre").addEventListener("click", () => changeLook((look) => Object.assign(look, { scale: 100, across: 0, down: 0 })));
  sheet.addEventListener("pointerdown", onDown);
}

function onDown(down) {
  if (!state.dragging || state.view !== "result" || !state.current?.picture || !down.isPrimary || down.button !== 0) return;
  down.preventDefault();
  sheet.setPointerCapture(down.pointerId);
  const { width, height } = sheet.getBoundingClientRect();
  const { across, down: below } = state.current.work.look;
  const within = (share) => Math.min(100, Math.max(-100, Math.round(10 * share) / 10));
  const move = (event) => changeLook((look) => Object.assign(look, {
    across: within(across + (100 * (event.clientX - down.clientX)) / width),
    down: within(below + (100 * (event.clientY - down.clientY)) / height),
  }), "drag");
  const stop = new AbortController();
  sheet.addEventListener("pointermove", move, { signal: stop.signal });
  for (const kind of ["pointerup", "pointercancel"]) sheet.addEventListener(kind, () => stop.abort(), { signal: stop.signal });
}

export function showPlace() {
  $("drag").setAttribute("aria-pressed", String(state.dragging));
  const { scale, across, down } = state.current.work.look;
  $("centre").disabled = scale === 100 && !across && !down;
}

// Keys for what is done often: undo, zoom, views, the first nine of the ranking.

import { setView } from "./stage.js";
import { choose, redo, state, undo } from "./state.js";
import { fit, zoomBy } from "./zoom.js";

const VIEWS = { r: "result", c: "choose", b: "compare" };

export function setUpKeys() {
  addEventListener("keydown", (event) => {
    if (!state.current || event.target.closest("input:not([type=radio]):not([type=checkbox]), select, textarea")) return;
    if (event.ctrlKey || event.metaKey) onCommand(event);
    else if (!event.altKey) onKey(event);
  });
}

function onCommand(event) {
  const key = event.key.toLowerCase();
  if (key !== "z" && key !== "y") return;
  event.preventDefault();
  if (key === "y" || event.shiftKey) redo();
  else undo();
}

function onKey(event) {
  const place = /^Digit([1-9])$/.exec(event.code)?.[1];
  const candidate = place && state.current.opened?.subject.ranking[place - 1];
  if (candidate) choose(state.current, candidate.index, event.shiftKey);
  else if (event.key === "+") zoomBy(1.5);
  else if (event.key === "-") zoomBy(1 / 1.5);
  else if (event.key === "0") fit();
  else if (VIEWS[event.key]) setView(VIEWS[event.key]);
}

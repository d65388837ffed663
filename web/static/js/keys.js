// Keys for what is done often: undo, zoom, views, tools, the first nine of what was found.

import { groupsOf } from "./groups.js";
import { onAimKey, resizeBrush } from "./marks.js";
import { setView } from "./stage.js";
import { choose, display, redo, state, undo } from "./state.js";
import { fit, zoomBy } from "./zoom.js";

const VIEWS = { r: "result", c: "choose", f: "fix", b: "compare" };
const TOOLS = { t: "tap", k: "keep", d: "drop" };
const BRUSHES = { "[": (size) => Math.min(size / 1.25, size - 1), "]": (size) => Math.max(size * 1.25, size + 1) };
const ZOOMS = { "+": 1.5, "-": 1 / 1.5 };

export function setUpKeys() {
  addEventListener("keydown", (event) => {
    const typing = event.target.closest("input:not([type=radio]):not([type=checkbox]):not([type=range]), select, textarea");
    if (!state.current || typing) return;
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
  const { key } = event;
  const place = /^Digit([1-9])$/.exec(event.code)?.[1];
  const { opened } = state.current;
  const group = place && opened && groupsOf(opened)[place - 1];
  const onStage = event.target.id === "stage" && state.view === "fix" && opened;
  if (onStage && onAimKey(event)) event.preventDefault();
  else if (group) choose(state.current, group.main, event.shiftKey);
  else if (ZOOMS[key]) zoomBy(ZOOMS[key]);
  else if (key === "0") fit();
  else if (VIEWS[key]) setView(VIEWS[key]);
  else if (TOOLS[key]) display({ tool: TOOLS[key], view: "fix", grid: false });
  else if (BRUSHES[key]) resizeBrush(BRUSHES[key](state.brush));
}

// Wires the parts: each has a set-up, and a show that draws it from the state.

import { setUpCompare } from "./compare.js";
import { setUpDownload, showDownload } from "./download.js";
import { keepDraft, restore, writeNow } from "./drafts.js";
import { setUpGrid, showGrid } from "./grid.js";
import { setUpIntake } from "./intake.js";
import { setUpKeys } from "./keys.js";
import { listen } from "./listen.js";
import { setUpLook, showLook } from "./look.js";
import { setUpMarks } from "./marks.js";
import { setUpNotice, showNotice } from "./notice.js";
import { drawSoon } from "./photos.js";
import { setUpPlace, showPlace } from "./place.js";
import { setUpStage, showStage } from "./stage.js";
import { onChange, redo, state, undo } from "./state.js";
import { setUpStrip, showStrip } from "./strip.js";
import { setUpSubject, showSubject } from "./subject.js";
import { setUpTabs, showTabs } from "./tabs.js";
import { setUpZoom } from "./zoom.js";

const $ = (id) => document.getElementById(id);

function show() {
  $("intake").hidden = state.photos.length > 0;
  $("editor").hidden = state.photos.length === 0;
  if (!state.current) return;
  $("undo").disabled = !state.current.past.length;
  $("redo").disabled = !state.current.future.length;
  showStage();
  showNotice();
  showGrid();
  showStrip();
  showTabs();
  showSubject();
  showLook();
  showPlace();
  showDownload();
}

const SET_UPS = [
  setUpIntake, setUpStage, setUpZoom, setUpMarks, setUpCompare, setUpPlace, setUpNotice, setUpGrid,
  setUpStrip, setUpTabs, setUpSubject, setUpLook, setUpDownload, setUpKeys,
];
SET_UPS.forEach((setUp) => setUp());
$("undo").addEventListener("click", () => undo());
$("redo").addEventListener("click", () => redo());
for (const react of [show, drawSoon, listen, keepDraft]) onChange(react);
addEventListener("pagehide", writeNow);
restore();

// Wires the parts: each has a set-up, and a show that draws it from the state.

import { setUpDownload, showDownload } from "./download.js";
import { setUpIntake } from "./intake.js";
import { setUpKeys } from "./keys.js";
import { setUpLook, showLook } from "./look.js";
import { setUpNotice, showNotice } from "./notice.js";
import { drawSoon } from "./photos.js";
import { setUpStage, showStage } from "./stage.js";
import { canRedo, canUndo, onChange, redo, state, undo } from "./state.js";
import { showStrip } from "./strip.js";
import { setUpSubject, showSubject } from "./subject.js";
import { setUpZoom } from "./zoom.js";

const $ = (id) => document.getElementById(id);

let telling = null;

/** Says what went wrong, for a while. */
function tell(error) {
  $("problem").textContent = String(error);
  $("problem").hidden = false;
  clearTimeout(telling);
  telling = setTimeout(() => { $("problem").hidden = true; }, 8000);
}

function show() {
  $("intake").hidden = state.photos.length > 0;
  $("editor").hidden = state.photos.length === 0;
  $("undo").disabled = !canUndo();
  $("redo").disabled = !canRedo();
  showStage();
  showNotice();
  showStrip();
  showSubject();
  showLook();
  showDownload();
}

setUpIntake();
setUpStage();
setUpZoom();
setUpNotice();
setUpSubject();
setUpLook();
setUpDownload(tell);
setUpKeys();
$("undo").addEventListener("click", undo);
$("redo").addEventListener("click", redo);
onChange(show);
onChange(drawSoon);

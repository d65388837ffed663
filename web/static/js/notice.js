// What stands in the way of a cut-out, over the photo, and what can be done.

import { isPassing, retry } from "./photos.js";
import { setView } from "./stage.js";
import { display, state } from "./state.js";

const $ = (id) => document.getElementById(id);

export function setUpNotice() {
  $("again").addEventListener("click", () => retry(state.current));
  $("pick-yourself").addEventListener("click", () => {
    display({ tool: "tap" });
    setView("fix");
  });
}

export function showNotice() {
  const photo = state.current;
  const text = wordsFor(photo);
  $("notice").hidden = !text || state.grid;
  if ($("notice-text").textContent !== text) $("notice-text").textContent = text; // said once
  $("notice").classList.toggle("alarm", Boolean(photo?.problem));
  $("again").hidden = !isPassing(photo?.problem);
  $("pick-yourself").hidden = Boolean(photo?.problem) || !photo?.opened || state.view === "fix";
}

function wordsFor(photo) {
  if (!photo || photo.doing) return "";
  if (photo.problem) return String(photo.problem);
  if (state.view === "fix") return photo.mask ? "" : "Tap or brush over what you want to keep, or drag a box around it.";
  if (photo.picture || !photo.opened) return "";
  return photo.opened.instances.length
    ? "Nothing here is clearly the subject. Choose something in the photo or in the list, or pick it yourself."
    : "No subject was found. Try another photo, or pick what to keep yourself.";
}

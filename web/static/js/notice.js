// What stands in the way of a cut-out, over the photo, and what can be done.

import { isPassing, retry } from "./photos.js";
import { state } from "./state.js";

const $ = (id) => document.getElementById(id);

export function setUpNotice() {
  $("again").addEventListener("click", () => retry(state.current));
}

export function showNotice() {
  const text = wordsFor(state.current);
  $("notice").hidden = !text;
  if ($("notice-text").textContent !== text) $("notice-text").textContent = text; // said once
  $("notice").classList.toggle("alarm", Boolean(state.current?.problem));
  $("again").hidden = !isPassing(state.current?.problem);
}

function wordsFor(photo) {
  if (!photo || photo.doing) return "";
  if (photo.problem) return String(photo.problem);
  if (photo.picture) return "";
  return photo.opened.instances.length
    ? "Nothing here is clearly the subject. Choose something in the photo or in the list, or take everything."
    : "No subject was found. Try another photo, with a subject that is larger or stands out more.";
}

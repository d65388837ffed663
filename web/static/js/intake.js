// The ways in: drop, paste, file picker, camera, and photos to try the page with.

import { takePicture } from "./look.js";
import { addPhotos } from "./photos.js";
import { tell } from "./tell.js";

const $ = (id) => document.getElementById(id);

function take(input) {
  addPhotos(input.files);
  input.value = ""; // so that the same file can be chosen again
}

export function setUpIntake() {
  const file = $("file");
  file.multiple = true;
  for (const input of [file, $("camera")]) input.addEventListener("change", () => take(input));
  $("more").addEventListener("click", () => file.click());
  for (const button of document.querySelectorAll("[data-sample]")) {
    button.addEventListener("click", () => takeSample(button.dataset).catch(tell));
  }
  addEventListener("paste", (event) => {
    const files = [...(event.clipboardData?.files ?? [])];
    if (files.length) addPhotos(files);
  });
  setUpDrop();
}

async function takeSample({ sample, name }) {
  const answer = await fetch(sample);
  if (!answer.ok) throw new Error(`The sample cannot be loaded: the server answered ${answer.status}.`);
  addPhotos([new File([await answer.blob()], name, { type: "image/png" })]);
}

/** A photo is cut out wherever it is dropped, but over the backgrounds: there it becomes one. */
function setUpDrop() {
  let depth = 0; // dragging over a child leaves its parent
  const hasFiles = (event) => event.dataTransfer?.types.includes("Files");
  const isBackground = (event) => event.target.closest?.("#panel-background");
  const veil = (shown) => { $("veil").hidden = !shown; };
  addEventListener("dragenter", (event) => {
    if (!hasFiles(event)) return;
    depth += 1;
    veil(true);
  });
  addEventListener("dragleave", () => {
    depth = Math.max(0, depth - 1);
    if (!depth) veil(false);
  });
  addEventListener("dragover", (event) => {
    event.preventDefault();
    if (!hasFiles(event)) return;
    $("veil").firstElementChild.textContent = isBackground(event) ? "Drop to put it behind the subject" : "Drop to cut out";
  });
  addEventListener("drop", (event) => {
    event.preventDefault();
    depth = 0;
    veil(false);
    if (!hasFiles(event)) return;
    if (isBackground(event)) takePicture(event.dataTransfer.files[0]);
    else addPhotos(event.dataTransfer.files);
  });
}

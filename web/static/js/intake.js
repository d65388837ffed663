// The ways in: drop, paste, file picker, camera.

import { addPhotos } from "./photos.js";

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

  addEventListener("paste", (event) => {
    const files = [...(event.clipboardData?.files ?? [])];
    if (files.length) addPhotos(files);
  });

  let depth = 0; // dragging over a child leaves its parent
  const hasFiles = (event) => event.dataTransfer?.types.includes("Files");
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
  addEventListener("dragover", (event) => event.preventDefault());
  addEventListener("drop", (event) => {
    event.preventDefault();
    depth = 0;
    veil(false);
    if (hasFiles(event)) addPhotos(event.dataTransfer.files);
  });
}

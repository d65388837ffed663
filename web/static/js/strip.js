// The photos in a row.

import { removePhoto, show } from "./photos.js";
import { state } from "./state.js";

const list = document.getElementById("photos");
const rows = new Map(); // photo -> its element

export function showStrip() {
  for (const photo of state.photos) if (!rows.has(photo)) rows.set(photo, row(photo));
  for (const photo of [...rows.keys()]) {
    if (state.photos.includes(photo)) continue;
    rows.get(photo).remove();
    rows.delete(photo);
  }
  for (const [photo, item] of rows) {
    if (!item.isConnected) list.append(item);
    const button = item.firstElementChild;
    button.setAttribute("aria-current", String(photo === state.current));
    const image = button.firstElementChild;
    const url = photo.picture ?? photo.url;
    if (image.getAttribute("src") !== url) image.src = url;
  }
}

function row(photo) {
  const button = Object.assign(document.createElement("button"), { type: "button", title: photo.file.name });
  button.append(Object.assign(new Image(), { alt: photo.file.name }));
  button.addEventListener("click", () => show(photo));
  const remove = Object.assign(document.createElement("button"), { type: "button", className: "remove", textContent: "✕" });
  remove.setAttribute("aria-label", `Remove ${photo.file.name}`);
  remove.addEventListener("click", () => removePhoto(photo));
  const item = document.createElement("li");
  item.append(button, remove);
  return item;
}

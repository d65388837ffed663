// The photos in a row.

import { element, setSource } from "./elements.js";
import { cannotShow, removePhoto, show } from "./photos.js";
import { display, state } from "./state.js";

const $ = (id) => document.getElementById(id);
const list = $("photos");
const rows = new Map(); // photo -> its element

export function setUpStrip() {
  $("show-grid").addEventListener("click", () => display({ grid: !state.grid }));
}

export function showStrip() {
  for (const photo of state.photos) if (!rows.has(photo)) rows.set(photo, row(photo));
  for (const photo of [...rows.keys()]) {
    if (state.photos.includes(photo)) continue;
    rows.get(photo).remove();
    rows.delete(photo);
  }
  $("show-grid").hidden = state.photos.length < 2;
  $("show-grid").setAttribute("aria-pressed", String(state.grid));
  for (const [photo, item] of rows) {
    if (!item.isConnected) list.append(item);
    const button = item.firstElementChild;
    button.setAttribute("aria-current", String(photo === state.current && !state.grid));
    button.classList.toggle("failed", Boolean(photo.problem));
    button.ariaLabel = photo.problem ? `${photo.name}, failed` : photo.name;
    setSource(button.firstElementChild, photo.picture ?? photo.url);
  }
}

function row(photo) {
  const image = element("img", { alt: "", draggable: false });
  image.addEventListener("error", () => cannotShow(photo));
  const button = element("button", { type: "button", className: "tile", title: photo.name }, image);
  button.addEventListener("click", () => show(photo));
  const remove = element("button", { type: "button", className: "remove", ariaLabel: `Remove ${photo.name}` }, "✕");
  remove.addEventListener("click", () => removePhoto(photo));
  return element("li", {}, button, remove);
}

// The photos in a row.

import { element, setSource } from "./elements.js";
import { cannotShow, removePhoto, show } from "./photos.js";
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
    button.classList.toggle("failed", Boolean(photo.problem));
    button.ariaLabel = photo.problem ? `${photo.file.name}, failed` : photo.file.name;
    setSource(button.firstElementChild, photo.picture ?? photo.url);
  }
}

function row(photo) {
  const image = element("img", { alt: "" });
  image.addEventListener("error", () => cannotShow(photo));
  const button = element("button", { type: "button", title: photo.file.name }, image);
  button.addEventListener("click", () => show(photo));
  const remove = element("button", { type: "button", className: "remove", ariaLabel: `Remove ${photo.file.name}` }, "✕");
  remove.addEventListener("click", () => removePhoto(photo));
  return element("li", {}, button, remove);
}

// All photos at once: how each of them is, and what can be done about it.

import { element, setSource } from "./elements.js";
import { isPassing, removePhoto, retry, show } from "./photos.js";
import { setView } from "./stage.js";
import { state } from "./state.js";

const $ = (id) => document.getElementById(id);
const cards = new Map(); // photo -> its parts

export function setUpGrid() {
  $("retry-all").addEventListener("click", () => failed().forEach(retry));
  $("clear-all").addEventListener("click", () => [...state.photos].forEach(removePhoto));
}

const failed = () => state.photos.filter((photo) => isPassing(photo.problem));

/** In a word how a photo is, and its class. */
export function statusOf(photo) {
  if (photo.doing) return ["working", photo.doing.replace(/^Step . of .: /, "")];
  if (photo.problem) return ["failed", String(photo.problem)];
  if (photo.picture) return ["done", "Done"];
  return ["undecided", photo.opened?.instances.length ? "Nothing is clearly the subject" : "No subject was found"];
}

export function showGrid() {
  $("editor").toggleAttribute("data-grid", state.grid);
  $("grid").hidden = !state.grid;
  if (!state.grid) return;
  for (const photo of [...cards.keys()]) {
    if (state.photos.includes(photo)) continue;
    cards.get(photo).item.remove();
    cards.delete(photo);
  }
  const counts = { done: 0, working: 0, failed: 0, undecided: 0 };
  for (const photo of state.photos) {
    if (!cards.has(photo)) cards.set(photo, card(photo));
    const parts = cards.get(photo);
    if (!parts.item.isConnected) $("cards").append(parts.item);
    const [status, words] = statusOf(photo);
    counts[status] += 1;
    parts.item.dataset.status = status;
    parts.item.classList.toggle("current", photo === state.current);
    parts.words.textContent = words.charAt(0).toUpperCase() + words.slice(1);
    parts.retry.hidden = !isPassing(photo.problem);
    parts.choose.hidden = !photo.opened;
    setSource(parts.image, photo.picture ?? photo.url);
  }
  const names = { done: "done", working: "in progress", failed: "failed", undecided: "without a subject" };
  const said = Object.entries(counts).filter(([, count]) => count).map(([name, count]) => `${count} ${names[name]}`);
  const text = `${state.photos.length} photos: ${said.join(", ")}`;
  if ($("counts").textContent !== text) $("counts").textContent = text;
  $("retry-all").hidden = failed().length < 2;
}

function card(photo) {
  const image = element("img", { alt: "", draggable: false });
  const open = element("button", { type: "button", className: "open", ariaLabel: `Open ${photo.name}` }, image);
  open.addEventListener("click", () => show(photo));
  const words = element("small", { className: "status" });
  const action = (name, label, onClick) => {
    const button = element("button", { type: "button", className: "small", ariaLabel: `${name}: ${photo.name}` }, label);
    button.addEventListener("click", onClick);
    return button;
  };
  const again = action("Try again", "Try again", () => retry(photo));
  const pick = action("Choose again", "Choose again", () => {
    show(photo);
    setView("choose");
  });
  const remove = action("Remove", "✕", () => removePhoto(photo));
  remove.classList.add("discard");
  const item = element("li", { className: "card" }, open, element("strong", { textContent: photo.name, title: photo.name }), words,
    element("div", { className: "row" }, again, pick), remove);
  return { item, image, words, retry: again, choose: pick };
}

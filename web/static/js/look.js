// Background, shadow, place and edge: the controls beside the photo.

import { element } from "./elements.js";
import { drawOthers } from "./photos.js";
import { changeLook, pictures, state, useForAll } from "./state.js";
import { say } from "./tell.js";

const $ = (id) => document.getElementById(id);
const STEPS = ["fuse_saliency", "dense_crf", "morphology", "sharp_edge"];
const SLIDERS = {
  blur: "%", angle: "°", strength: "%", margin: "%", scale: "%", across: "%", down: "%",
  softness: "px", grow: "px", feather: "px", decontaminate: "%",
};
const COLOURS = ["colour", "start", "end"];
const RECENT = 6;

const step = (name) => document.querySelector(`input[name=${name}]`);
const recents = () => JSON.parse(localStorage.getItem("colours") ?? "[]");

export function setUpLook() {
  $("backgrounds").addEventListener("click", onSwatch);
  for (const art of document.querySelectorAll("[data-look]")) paint(art);
  for (const name of Object.keys(SLIDERS)) {
    $(name).addEventListener("input", () => changeLook((look) => { look[name] = Number($(name).value); }, name));
  }
  for (const name of COLOURS) {
    $(name).addEventListener("input", () => changeLook((look) => { look[name] = $(name).value; }, name));
  }
  $("colour").addEventListener("change", () => remember($("colour").value));
  $("fit").addEventListener("change", () => changeLook((look) => { look.fit = $("fit").value; }));
  $("matte").addEventListener("change", () => changeLook((look) => { look.matte = $("matte").checked; }));
  $("picture").addEventListener("change", () => {
    if ($("picture").files.length) takePicture($("picture").files[0]);
    $("picture").value = ""; // so that the same file can be chosen again
  });
  $("other-picture").addEventListener("click", () => $("picture").click());
  for (const name of ["shadow", "canvas"]) {
    for (const radio of document.querySelectorAll(`input[name=${name}]`)) {
      radio.addEventListener("change", () => changeLook((look) => { look[name] = radio.value; }));
    }
  }
  for (const name of STEPS) {
    step(name).addEventListener("change", () =>
      changeLook((look) => { look.off = STEPS.filter((one) => !step(one).checked); }));
  }
  for (const button of document.querySelectorAll(".for-all")) {
    button.addEventListener("click", () => {
      useForAll();
      drawOthers();
      say(`All ${state.photos.length} photos now have this look.`);
    });
  }
}

function onSwatch({ target }) {
  const swatch = target.closest(".swatch");
  if (!swatch) return;
  if (swatch.id === "own-colour") {
    changeLook((look) => Object.assign(look, { background: "colour", colour: $("colour").value }));
    return;
  }
  const wanted = JSON.parse(swatch.dataset.look);
  // The background changes when there is a picture: who chooses none has changed nothing.
  if (wanted.background === "picture" && !pictures.has(state.current.work.look.picture)) $("picture").click();
  else changeLook((look) => Object.assign(look, wanted));
}

/** Puts a file behind the subject. */
export function takePicture(file) {
  const name = `${Date.now().toString(36)}-${Math.random().toString(36).slice(2)}`;
  pictures.set(name, file);
  changeLook((look) => Object.assign(look, { background: "picture", picture: name }));
}

/** The picture on a swatch, where it is a colour or a gradient. */
function paint(swatch) {
  const { colour, start, end } = JSON.parse(swatch.dataset.look);
  const art = swatch.querySelector(".art");
  if (colour) art.style.background = colour;
  if (start) art.style.background = `linear-gradient(${start}, ${end})`;
}

function remember(colour) {
  const kept = [colour, ...recents().filter((one) => one !== colour)].slice(0, RECENT);
  localStorage.setItem("colours", JSON.stringify(kept));
  showRecents();
}

function showRecents() {
  const colours = recents();
  $("recents").hidden = !colours.length;
  if ($("recents").dataset.shown === colours.join()) return;
  $("recents").dataset.shown = colours.join();
  $("recents").replaceChildren(...colours.map((colour) => {
    const made = element("button", { type: "button", className: "swatch" }, element("span", { className: "art" }), colour);
    made.dataset.look = JSON.stringify({ background: "colour", colour });
    paint(made);
    return made;
  }));
}

export function showLook() {
  const { look } = state.current.work;
  showRecents();
  let named = false; // whether a swatch of its own stands for the background
  for (const swatch of document.querySelectorAll("[data-look]")) {
    const is = Object.entries(JSON.parse(swatch.dataset.look)).every(([name, value]) => look[name] === value);
    swatch.setAttribute("aria-pressed", String(is));
    named ||= is;
  }
  $("own-colour").setAttribute("aria-pressed", String(look.background === "colour" && !named));
  for (const name of [...COLOURS, ...Object.keys(SLIDERS), "fit"]) $(name).value = look[name];
  for (const [name, unit] of Object.entries(SLIDERS)) $(`${name}-figure`).textContent = `${look[name]} ${unit}`;
  $("matte").checked = look.matte;
  document.querySelector(`input[name=shadow][value="${look.shadow}"]`).checked = true;
  document.querySelector(`input[name=canvas][value="${look.canvas}"]`).checked = true;
  $("softness").disabled = look.off.includes("sharp_edge"); // which it is the width of
  for (const name of STEPS) step(name).checked = !look.off.includes(name);
  $("colour-field").hidden = look.background !== "colour";
  $("blur-field").hidden = look.background !== "blur";
  $("picture-field").hidden = look.background !== "picture";
  $("gradient-field").hidden = look.background !== "gradient";
  $("strength-field").hidden = look.shadow === "none";
  $("margin-field").hidden = look.canvas === "photo";
  for (const button of document.querySelectorAll(".for-all")) button.hidden = state.photos.length < 2;
}

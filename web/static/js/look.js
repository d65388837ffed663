// Background, edge and frame: the controls beside the photo.

import { change, pictures, state } from "./state.js";

const $ = (id) => document.getElementById(id);
const STEPS = ["fuse_saliency", "dense_crf", "morphology", "sharp_edge"];
const SLIDERS = { blur: "%", softness: "px", margin: "%" };
const SWITCHES = ["crop", "matte"];

const set = (name, value, kind) => change(({ look }) => { look[name] = value; }, kind);
const radio = (value) => document.querySelector(`input[name=background][value="${value}"]`);
const step = (name) => document.querySelector(`input[name=${name}]`);

export function setUpLook() {
  for (const one of document.querySelectorAll("#backgrounds input")) {
    one.addEventListener("change", () => pickBackground(one.value));
  }
  radio("picture").addEventListener("click", (event) => {
    const byPointer = event.detail > 0; // arrow keys only pass by
    if (byPointer && state.look.picture === null) $("picture").click();
  });
  for (const name of ["colour", ...Object.keys(SLIDERS)]) {
    $(name).addEventListener("input", () => set(name, $(name).value, name));
  }
  $("fit").addEventListener("change", () => set("fit", $("fit").value));
  for (const name of SWITCHES) $(name).addEventListener("change", () => set(name, $(name).checked));
  $("picture").addEventListener("change", takePicture);
  for (const name of STEPS) {
    step(name).addEventListener("change", () => set("off", STEPS.filter((one) => !step(one).checked)));
  }
}

function pickBackground(value) {
  if (value !== "picture" || state.look.picture !== null) set("background", value);
  else $("picture-field").hidden = false; // the background changes when there is a picture
}

function takePicture() {
  const [file] = $("picture").files;
  if (!file) return;
  pictures.push(file);
  change(({ look }) => Object.assign(look, { background: "picture", picture: pictures.length - 1 }));
}

export function showLook() {
  const { look } = state;
  radio(look.background).checked = true;
  for (const name of ["colour", "fit", ...Object.keys(SLIDERS)]) $(name).value = look[name];
  for (const [name, unit] of Object.entries(SLIDERS)) $(`${name}-figure`).textContent = `${look[name]} ${unit}`;
  for (const name of SWITCHES) $(name).checked = look[name];
  $("softness").disabled = look.off.includes("sharp_edge"); // which it is the width of
  for (const name of STEPS) step(name).checked = !look.off.includes(name);
  $("colour-field").hidden = look.background !== "colour";
  $("blur-field").hidden = look.background !== "blur";
  $("picture-field").hidden = look.background !== "picture";
  $("margin-field").hidden = !look.crop;
}

// Background, edge and frame: the controls beside the photo.

import { change, pictures, state } from "./state.js";

const $ = (id) => document.getElementById(id);
const STEPS = ["fuse_saliency", "dense_crf", "morphology", "sharp_edge"];

const set = (name, value, kind) => change(({ look }) => { look[name] = value; }, kind);
const radio = (value) => document.querySelector(`input[name=background][value="${value}"]`);
const step = (name) => document.querySelector(`input[name=${name}]`);

export function setUpLook() {
  for (const one of document.querySelectorAll("#backgrounds input")) {
    one.addEventListener("change", () => pickBackground(one.value));
  }
  for (const name of ["colour", "blur", "softness", "margin"]) {
    $(name).addEventListener("input", () => set(name, $(name).value, name));
  }
  $("fit").addEventListener("change", () => set("fit", $("fit").value));
  $("crop").addEventListener("change", () => set("crop", $("crop").checked));
  $("picture").addEventListener("change", takePicture);
  for (const name of STEPS) {
    step(name).addEventListener("change", () => set("off", STEPS.filter((one) => !step(one).checked)));
  }
}

function pickBackground(value) {
  if (value === "picture" && state.look.picture === null) {
    showLook();
    $("picture-field").hidden = false;
    $("picture").click(); // the background changes when there is a picture
  } else set("background", value);
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
  for (const name of ["colour", "blur", "softness", "margin", "fit"]) $(name).value = look[name];
  $("crop").checked = look.crop;
  for (const name of STEPS) step(name).checked = !look.off.includes(name);
  $("colour-field").hidden = look.background !== "colour";
  $("blur-field").hidden = look.background !== "blur";
  $("picture-field").hidden = look.background !== "picture";
  $("margin-field").hidden = !look.crop;
}

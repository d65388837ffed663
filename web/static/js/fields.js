// From a photo's work to the fields of the API that say the same.

import { chosenOf, countOf, pictures } from "./state.js";

/** What is cut out, and how its edge is found. */
export function cutFields(photo) {
  const { work } = photo;
  const { look, hints } = work;
  const fields = { softness: look.softness };
  if (work.choice && !work.scratch) fields.instances = work.choice.join(",");
  if (countOf(hints)) {
    fields.hints = JSON.stringify(hints);
    fields.start = chosenOf(photo).length ? "cut" : "nothing";
  }
  if (look.matte) fields.edges = "matte";
  for (const step of look.off) fields[step] = "false";
  return fields;
}

/** What the result shows. */
export function lookFields({ work: { look } }) {
  const { shadow, canvas, across, down } = look;
  const fields = { background: backgroundOf(look), decontaminate: look.decontaminate };
  if (look.background === "picture") Object.assign(fields, { background_file: pictures.get(look.picture), fit: look.fit });
  if (look.grow) fields.grow = look.grow;
  if (look.feather) fields.feather = look.feather;
  if (shadow !== "none") fields.shadow = `${shadow}:${look.strength}`;
  if (canvas === "subject") fields.crop = "true";
  else if (canvas !== "photo") fields.canvas = canvas;
  if (canvas !== "photo") fields.margin = look.margin;
  if (look.scale !== 100) fields.scale = look.scale;
  if (across || down) fields.move = `${across},${down}`;
  return fields;
}

function backgroundOf(look) {
  if (look.background === "colour") return look.colour;
  if (look.background === "gradient") return `gradient:${look.start},${look.end},${look.angle}`;
  if (look.background === "blur") return `blur:${look.blur}`;
  return look.background;
}

/** Whether there is nothing to cut: nothing is chosen, and nothing is marked to be kept. */
export function isNothing(photo) {
  const { keep, drop, strokes, box } = photo.work.hints;
  const onlyBox = box && !drop.length && !strokes.length;
  const keeps = keep.length || onlyBox || strokes.some(({ kind }) => kind === "keep");
  const found = photo.work.scratch || photo.opened.instances.length > 0;
  return found && !chosenOf(photo).length && !keeps;
}

/** The same fields give the same picture, also after a reload. */
export const nameOf = (fields) => JSON.stringify({ ...fields, background_file: undefined });

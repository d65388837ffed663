// While a person marks what to keep and to drop: the mask alone, small and at once.

import { cutFields, isNothing, nameOf } from "./fields.js";
import { busy, render } from "./photos.js";
import { state } from "./state.js";

const QUICK = { mask_only: "true", format: "png", megapixels: 0.35 };

/** Asks what the current photo's hints make of it, if that has changed. */
export async function listen() {
  const photo = state.current;
  if (state.view !== "fix" || !photo?.opened) return;
  const fields = cutFields(photo);
  const wanted = nameOf(fields) + photo.work.scratch;
  if (photo.heard === wanted) return;
  photo.heard = wanted;
  photo.listening?.abort();
  photo.listening = new AbortController();
  const { signal } = photo.listening;
  busy(photo, "Listening");
  try {
    const mask = isNothing(photo) ? null : await alphaOf((await render(photo, { ...fields, ...QUICK }, signal)).blob);
    if (signal.aborted) return;
    Object.assign(photo, { mask, problem: null });
    if (mask && !fields.hints) warmUp(photo, fields, mask);
  } catch (error) {
    if (error.name === "AbortError") return;
    Object.assign(photo, { mask: null, problem: error.code === "no_subject" ? null : error });
  }
  busy(photo, "");
}

/** Lets the server look at the photo before the first mark, by one that changes nothing. */
function warmUp(photo, fields, { width, height, inside }) {
  if (photo.warm === photo.opened.id || inside === null) return;
  photo.warm = photo.opened.id;
  const place = [((inside % width) + 0.5) / width, (Math.floor(inside / width) + 0.5) / height];
  const keep = [[place[0] * photo.opened.width, place[1] * photo.opened.height]];
  render(photo, { ...fields, hints: JSON.stringify({ keep }), start: "cut", ...QUICK }).catch(() => {}); // the real one will tell
}

/** A grey picture as a canvas that is opaque where it is white. */
async function alphaOf(blob) {
  const bitmap = await createImageBitmap(blob);
  const canvas = Object.assign(document.createElement("canvas"), { width: bitmap.width, height: bitmap.height });
  const context = canvas.getContext("2d");
  context.drawImage(bitmap, 0, 0);
  const picture = context.getImageData(0, 0, canvas.width, canvas.height);
  canvas.inside = null; // the last pixel that is surely in the cut
  for (let at = 0; at < picture.data.length; at += 4) {
    picture.data[at + 3] = picture.data[at];
    if (picture.data[at] === 255) canvas.inside = at / 4;
  }
  context.putImageData(picture, 0, 0);
  return canvas;
}

let shaded = null; // the mask that is shown

/** Darkens what is not in the cut. */
export function showShade() {
  const photo = state.current;
  const shade = document.getElementById("shade");
  const mask = state.view === "fix" ? photo.mask : null;
  shade.hidden = !mask;
  if (!mask || shaded === mask) return;
  shaded = mask;
  Object.assign(shade, { width: mask.width, height: mask.height });
  const context = shade.getContext("2d");
  context.fillStyle = "rgb(12 15 15 / 0.72)";
  context.fillRect(0, 0, mask.width, mask.height);
  context.globalCompositeOperation = "destination-out";
  context.drawImage(mask, 0, 0);
}

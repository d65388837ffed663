// The photos on the page: sent one after the other, drawn anew whenever the state changes.

import { Problem, compose, forget, openPhoto } from "./api.js";
import { announce, chosenOf, fieldsOf, state } from "./state.js";

const PREVIEW = { format: "webp", quality: 88, megapixels: 1.5 };
const NOTHING = { blob: null, reason: "" };
const PASSING = new Set(["unreachable", "unknown", "busy", "too_slow", "too_many_requests", "internal"]);
const form = document.getElementById("plain");

let nextKey = 1;
let sending = Promise.resolve();

/** Takes files in; the first of them is shown. */
export function addPhotos(files) {
  const added = [...files].map((file) => ({
    key: String(nextKey++),
    file,
    url: URL.createObjectURL(file), // shown as it is until the server has answered; null: cannot be
    opened: null,
    picture: null, // url of the cut-out
    reason: "",
    problem: null,
    doing: "Waiting",
    share: null, // of what is being done, 0..1; null where nobody can tell
  }));
  state.photos.push(...added);
  if (added.length) show(added[0]);
  for (const photo of added) sending = sending.then(() => send(photo));
}

export function show(photo) {
  state.current = photo;
  announce();
}

export function removePhoto(photo) {
  state.photos = state.photos.filter((one) => one !== photo);
  if (photo.opened) forget(photo.opened.id);
  if (photo.url) URL.revokeObjectURL(photo.url);
  if (photo.picture) URL.revokeObjectURL(photo.picture);
  if (state.current === photo) show(state.photos[0] ?? null);
  else announce();
}

function busy(photo, doing, share = null) {
  Object.assign(photo, { doing, share });
  announce();
}

async function send(photo) {
  if (!state.photos.includes(photo)) return;
  try {
    await open(photo);
    if (state.photos.includes(photo)) await draw(photo);
    else forget(photo.opened.id); // it was removed meanwhile
  } catch (error) {
    fail(photo, error);
  }
}

function fail(photo, error) {
  photo.problem = error;
  busy(photo, "");
}

async function open(photo) {
  const most = Number(form.dataset.maxBytes);
  if (photo.file.size > most) {
    throw new Problem("too_large", `This file is larger than ${Math.floor(most / 2 ** 20)} MB.`, "Make it smaller.");
  }
  photo.opened = await openPhoto(photo.file, (share) =>
    share < 1 ? busy(photo, "Sending", share) : busy(photo, "Looking at the photo"),
  );
  if (!photo.url) await seeThroughServer(photo);
}

/** Asks for a picture of the photo as the state has it; sends the photo anew when it expired. */
export async function render(photo, more, signal) {
  const fields = { ...fieldsOf(photo), ...more };
  try {
    return await compose(photo.opened.id, fields, signal);
  } catch (error) {
    if (error.code !== "photo_gone") throw error;
    await open(photo);
    return compose(photo.opened.id, fields, signal);
  }
}

const wantedOf = (photo) => JSON.stringify(fieldsOf(photo)) + state.look.picture;

let pausing = null;

/** Draws the current photo anew shortly after the last change: a slider changes often. */
export function drawSoon() {
  const photo = state.current;
  if (!photo?.opened || photo.drawn === wantedOf(photo)) return;
  clearTimeout(pausing);
  pausing = setTimeout(() => draw(photo), 90);
  if (!photo.doing) busy(photo, "Cutting");
}

/** Draws the photo's cut-out for the page. Only the last of several requests counts. */
async function draw(photo) {
  const wanted = wantedOf(photo);
  if (photo.drawn === wanted) return;
  photo.drawn = wanted;
  photo.drawing?.abort();
  photo.drawing = new AbortController();
  busy(photo, "Cutting");
  try {
    keep(photo, await cutOut(photo, photo.drawing.signal));
    photo.problem = null;
  } catch (error) {
    if (error.name === "AbortError") return;
    if (error.code === "no_subject") keep(photo, NOTHING);
    else photo.problem = error; // the next change tries again
  }
  busy(photo, "");
}

/** Where things were found, but none deserves to be the subject, there is nothing to ask for. */
function cutOut(photo, signal) {
  const undecided = photo.opened.instances.length && !chosenOf(photo).length;
  return undecided ? NOTHING : render(photo, PREVIEW, signal);
}

function keep(photo, { blob, reason }) {
  if (photo.picture) URL.revokeObjectURL(photo.picture);
  Object.assign(photo, { picture: blob && URL.createObjectURL(blob), reason });
}

/** Whether the same may work in a moment. */
export const isPassing = (problem) => PASSING.has(problem?.code);

/** Tries again what went wrong. */
export function retry(photo) {
  Object.assign(photo, { problem: null, drawn: null });
  if (photo.opened) return announce();
  busy(photo, "Waiting");
  sending = sending.then(() => send(photo));
}

/** For what browsers cannot show of their own, such as TIFF: the photo as the server reads it. */
export function cannotShow(photo) {
  if (!photo.url) return;
  photo.url = null;
  announce();
  if (photo.opened) seeThroughServer(photo).catch((error) => fail(photo, error));
}

async function seeThroughServer(photo) {
  if (!photo.opened.instances.length) return;
  // A blur too small to be seen: the photo itself.
  const { blob } = await compose(photo.opened.id, { ...PREVIEW, background: "blur:0.001", instances: 0 });
  photo.url = URL.createObjectURL(blob);
  announce();
}

addEventListener("pagehide", () => state.photos.forEach((photo) => photo.opened && forget(photo.opened.id)));

// The photos on the page: sent one after the other, drawn again whenever their work changes.

import { CANCELLED, Problem, compose, forget, openPhoto } from "./api.js";
import { cutFields, isNothing, lookFields, nameOf } from "./fields.js";
import { announce, freshWork, state } from "./state.js";

const PREVIEW = { format: "webp", quality: 88, megapixels: 1.5 };
const NOTHING = { blob: null, reason: "", box: null };
const PASSING = new Set(["unreachable", "unknown", "busy", "too_slow", "too_many_requests", "internal", "cancelled"]);
const MOST_WAITS = 5;
const LONGEST_WAIT = 60; // seconds
const MANY = 4; // photos at once that are better seen together
const form = document.getElementById("plain");

let sending = Promise.resolve();

export function photoOf(file, more = {}) {
  return {
    key: `${Date.now().toString(36)}-${Math.random().toString(36).slice(2)}`,
    file,
    name: file.name || "photo.png",
    url: URL.createObjectURL(file), // shown as it is until the server has answered; null: cannot be
    opened: null,
    picture: null, // url of the cut-out, at preview size
    size: null, // its width and height
    box: null, // where the photo lies in it
    preview: null, // its file
    sharp: null, // url of the same at full size
    mask: null, // what the hints make of it, see listen.js
    reason: "",
    problem: null,
    doing: "",
    share: null, // of what is being done, 0..1; null where nobody can tell
    drawn: null, // the fields that `picture` shows, or will show soon
    work: freshWork(),
    past: [],
    future: [],
    ...more,
  };
}

/** Takes files in; the first of them is shown, or all where there are many. */
export function addPhotos(files) {
  const added = [...files].map((file) => photoOf(file));
  if (!added.length) return;
  state.photos.push(...added);
  if (added.length >= MANY) state.grid = true;
  show(added[0], state.grid && state.photos.length > 1);
  for (const photo of added) queue(photo);
}

/** Sends or draws a photo when its turn comes. */
export function queue(photo) {
  photo.stop = new AbortController();
  busy(photo, "Waiting in the queue");
  sending = sending.then(() => send(photo));
}

export const allSettled = () => sending;

export function show(photo, grid = false) {
  Object.assign(state, { current: photo, grid: grid && Boolean(photo) });
  announce();
}

export function removePhoto(photo) {
  state.photos = state.photos.filter((one) => one !== photo);
  photo.stop?.abort();
  photo.drawing?.abort();
  if (photo.opened) forget(photo.opened.id);
  for (const url of [photo.url, photo.picture, photo.sharp]) if (url) URL.revokeObjectURL(url);
  if (state.current === photo) show(state.photos[0] ?? null, state.grid);
  else announce();
}

export function busy(photo, doing, share = null) {
  Object.assign(photo, { doing, share });
  announce();
}

async function send(photo) {
  if (!state.photos.includes(photo)) return;
  try {
    if (photo.stop.signal.aborted) throw CANCELLED();
    await patiently(photo, async () => {
      if (!photo.opened) await open(photo);
    });
    if (!state.photos.includes(photo)) return forget(photo.opened.id); // it was removed meanwhile
    await draw(photo);
  } catch (error) {
    fail(photo, error);
  }
}

/** Waits as long as a server asks for that has too much to do: a batch need not fail. */
async function patiently(photo, work) {
  for (let left = MOST_WAITS; ; left -= 1) {
    try {
      return await work();
    } catch (error) {
      if (!left || error.after === null || error.after === undefined) throw error;
      busy(photo, "Waiting; the server is busy");
      await new Promise((resolve) => setTimeout(resolve, 1000 * Math.min(error.after, LONGEST_WAIT)));
      if (photo.stop.signal.aborted) throw CANCELLED();
    }
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
  busy(photo, "Step 1 of 3: sending the photo", 0);
  photo.opened = await openPhoto(
    photo.file,
    (share) =>
      share < 1
        ? busy(photo, "Step 1 of 3: sending the photo", share)
        : busy(photo, "Step 2 of 3: finding the subject"),
    photo.stop?.signal,
  );
  busy(photo, "Step 3 of 3: cutting it out");
  if (!photo.url) await seeThroughServer(photo);
}

/** Asks for a picture of a photo; sends the photo again when the server has forgotten it. */
export async function render(photo, fields, signal, onProgress) {
  try {
    return await compose(photo.opened.id, fields, signal, onProgress);
  } catch (error) {
    if (error.code !== "photo_gone") throw error;
    await open(photo);
    return compose(photo.opened.id, fields, signal, onProgress);
  }
}

export const resultFields = (photo) => ({ ...cutFields(photo), ...lookFields(photo) });
export const isDrawn = (photo) => photo.drawn === nameOf(resultFields(photo));

let pausing = null;

/** Draws the current photo shortly after the last change: a slider changes often. */
export function drawSoon() {
  const photo = state.current;
  if (!photo?.opened || state.view === "fix" || isDrawn(photo)) return;
  clearTimeout(pausing);
  pausing = setTimeout(() => draw(photo), 60);
  if (!photo.doing) busy(photo, "Cutting it out");
}

/** Draws again those whose look has changed with another's. */
export function drawOthers() {
  for (const photo of state.photos) if (photo !== state.current && photo.opened && !isDrawn(photo)) queue(photo);
}

/** Draws the photo's cut-out for the page. Only the last of several requests counts. */
function draw(photo) {
  const fields = resultFields(photo);
  const wanted = nameOf(fields);
  if (photo.drawn !== wanted) {
    photo.drawn = wanted;
    photo.drawing?.abort();
    photo.drawing = new AbortController();
    photo.painting = paint(photo, fields, wanted, photo.drawing.signal);
  } else if (!photo.painting) busy(photo, "");
  return photo.painting;
}

async function paint(photo, fields, wanted, signal) {
  if (!photo.doing) busy(photo, "Cutting it out");
  try {
    const answer = isNothing(photo) ? NOTHING : await render(photo, { ...fields, ...PREVIEW }, signal);
    await keep(photo, answer, wanted);
    photo.problem = null;
  } catch (error) {
    if (error.name === "AbortError") return;
    if (error.code === "no_subject") await keep(photo, NOTHING, wanted);
    else photo.problem = error; // the next change tries again
  }
  if (photo.drawn !== wanted) return; // a later one is under way
  photo.painting = null;
  busy(photo, "");
}

/** Takes a picture once it can be shown, unless a later one is asked for by now. */
async function keep(photo, { blob, reason, box }, wanted) {
  const image = new Image();
  if (blob) {
    image.src = URL.createObjectURL(blob);
    await image.decode();
  }
  if (photo.drawn !== wanted) return URL.revokeObjectURL(image.src);
  for (const url of [photo.picture, photo.sharp]) if (url) URL.revokeObjectURL(url);
  const picture = blob && image.src;
  const size = blob && [image.naturalWidth, image.naturalHeight];
  Object.assign(photo, { picture, preview: blob, size, sharp: null, reason, box });
}

/** The same picture at full size, for one who looks closely. */
export async function sharpen(photo) {
  const drawn = photo.drawn;
  if (photo.sharp !== null || !photo.picture || photo.problem || !isDrawn(photo)) return;
  photo.sharp = ""; // it is on its way
  try {
    const { blob } = await render(photo, { ...resultFields(photo), format: "webp", quality: 92 });
    if (photo.drawn !== drawn) return;
    photo.sharp = URL.createObjectURL(blob);
    announce();
  } catch {
    photo.sharp = null; // the preview stays
  }
}

/** Whether the same may work in a moment. */
export const isPassing = (problem) => PASSING.has(problem?.code);

/** Tries again what went wrong. */
export function retry(photo) {
  Object.assign(photo, { problem: null, drawn: null, heard: null, painting: null });
  queue(photo);
}

/** Stops what is being done to a photo; what it showed before stays. */
export function cancel(photo) {
  photo.stop?.abort();
  photo.drawing?.abort();
  photo.listening?.abort();
  photo.painting = null;
  // As good as drawn: the next change, or "Try again", draws.
  Object.assign(photo, { drawn: photo.opened && nameOf(resultFields(photo)), problem: CANCELLED() });
  busy(photo, "");
}

/** For what browsers cannot show of their own, such as TIFF: the photo as the server reads it. */
export function cannotShow(photo) {
  if (!photo.url) return;
  photo.url = null;
  announce();
  if (photo.opened) seeThroughServer(photo).catch((error) => fail(photo, error));
}

async function seeThroughServer(photo) {
  // A mark to keep in a corner, before the photo itself: a blur too small to be seen.
  const anything = photo.opened.instances.length
    ? { instances: 0 }
    : { hints: JSON.stringify({ keep: [[0.5, 0.5]] }), start: "nothing" };
  const { blob } = await compose(photo.opened.id, { ...PREVIEW, background: "blur:0.001", ...anything });
  photo.url = URL.createObjectURL(blob);
  announce();
}

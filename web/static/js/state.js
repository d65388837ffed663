// What a person has chosen, as plain data, photo by photo; undo is a list of snapshots of a photo.

const MOST_STEPS = 60;

export const state = {
  photos: [], // see photos.js
  current: null,
  view: "result", // or choose, fix, compare
  grid: false, // all photos at once, instead of one
  tab: "subject",
  tool: "tap", // or keep, drop
  brush: 26, // its width on the screen, in CSS pixels
  share: 50, // of the photo before, in percent, in the view "compare"
  dragging: false, // whether dragging the result moves the subject
};

/** Files chosen as backgrounds, by the names that looks give them. */
export const pictures = new Map();

const PLAIN = {
  background: "transparent", // or blur, picture, colour, gradient, scene:NAME
  colour: "#3aa981",
  start: "#fde2d0",
  end: "#b9c6f2",
  angle: 180,
  blur: 2,
  picture: null, // a key of `pictures`
  fit: "cover",
  shadow: "none",
  strength: 40,
  canvas: "photo", // or subject, or as the API's
  margin: 5,
  scale: 100,
  across: 0,
  down: 0,
  softness: 2,
  matte: false,
  grow: 0,
  feather: 0,
  decontaminate: 100,
  off: [], // refinement steps that are switched off
};
const OF_ONE_PHOTO = ["scale", "across", "down", "picture"];

export const noHints = () => ({ keep: [], drop: [], strokes: [], box: null });

/** What a new photo begins with: the look that was used last, but its place. */
export function freshWork() {
  const kept = JSON.parse(localStorage.getItem("look") ?? "{}");
  const look = { ...PLAIN };
  for (const name of Object.keys(PLAIN)) if (name in kept && !OF_ONE_PHOTO.includes(name)) look[name] = kept[name];
  if (look.background === "picture") look.background = PLAIN.background;
  return { choice: null, scratch: false, hints: noHints(), look };
}

const listeners = new Set();
export const onChange = (listener) => listeners.add(listener);
export const announce = () => listeners.forEach((listener) => listener());

/** Changes what is shown, which is not undone. */
export function display(changes) {
  Object.assign(state, changes);
  announce();
}

/** Changes a photo's work, undoably. Steps of one slider, which share a `kind`, are one change. */
export function change(edit, kind = null, photo = state.current) {
  const before = JSON.stringify(photo.work);
  edit(photo.work);
  if (JSON.stringify(photo.work) === before) return;
  const last = photo.past.at(-1);
  if (!kind || last?.kind !== kind || Date.now() - last.when > 1000) photo.past.push({ before, kind });
  photo.past.at(-1).when = Date.now();
  if (photo.past.length > MOST_STEPS) photo.past.shift();
  photo.future = [];
  announce();
}

/** Changes the look of the current photo, which the next photos begin with. */
export function changeLook(edit, kind = null) {
  change(({ look }) => edit(look), kind);
  localStorage.setItem("look", JSON.stringify(state.current.work.look));
}

/** Gives the current photo's look to all others; each can undo it for itself. */
export function useForAll() {
  const { look } = state.current.work;
  for (const photo of state.photos) change((work) => { work.look = structuredClone(look); }, null, photo);
}

export function undo(photo = state.current) {
  const step = photo.past.pop();
  if (!step) return;
  photo.future.push(JSON.stringify(photo.work));
  photo.work = JSON.parse(step.before);
  announce();
}

export function redo(photo = state.current) {
  const text = photo.future.pop();
  if (!text) return;
  photo.past.push({ before: JSON.stringify(photo.work), kind: null });
  photo.work = JSON.parse(text);
  announce();
}

/** The chosen instances: none where a person starts from nothing, else by hand or by the server. */
export const chosenOf = (photo) =>
  photo.work.scratch ? [] : (photo.work.choice ?? photo.opened?.subject.chosen ?? []);

/** Chooses one instance; with `joining`, adds it to the others or takes it away. */
export function choose(photo, index, joining) {
  const now = chosenOf(photo);
  const others = now.filter((one) => one !== index);
  const next = !joining ? [index] : now.includes(index) ? others : [...others, index];
  if (next.length) chooseAll(photo, next);
}

export function chooseAll(photo, indices) {
  const choice = [...indices].sort((a, b) => a - b);
  change((work) => Object.assign(work, { choice, scratch: false }), null, photo);
}

/** How many marks a photo has. */
export function countOf({ keep, drop, strokes, box }) {
  return keep.length + drop.length + strokes.length + (box ? 1 : 0);
}

// What a person has chosen, as plain data, so that undo is a list of snapshots.

export const state = {
  photos: [], // see photos.js; not part of a snapshot
  current: null,
  choices: {}, // photo key -> indices of the chosen instances; none: automatic
  look: {
    background: "black",
    colour: "#3aa981",
    blur: 2,
    picture: null, // an index into `pictures`
    fit: "cover",
    softness: 2,
    matte: false,
    off: [], // refinement steps that are switched off
    crop: false,
    margin: 5,
  },
};

/** Files chosen as backgrounds; snapshots name them by their index. */
export const pictures = [];

const listeners = new Set();
const past = [];
let future = [];

const snapshot = () => JSON.stringify({ choices: state.choices, look: state.look });

export const onChange = (listener) => listeners.add(listener);
export const announce = () => listeners.forEach((listener) => listener());

/** Changes the state, undoably. Steps of one slider, which share a `kind`, are one change. */
export function change(edit, kind = null) {
  const before = snapshot();
  edit(state);
  if (snapshot() === before) return;
  const last = past.at(-1);
  if (!kind || last?.kind !== kind || Date.now() - last.when > 1000) past.push({ before, kind });
  past.at(-1).when = Date.now();
  future = [];
  announce();
}

function restore(text) {
  Object.assign(state, JSON.parse(text));
  announce();
}

export function undo() {
  const step = past.pop();
  if (!step) return;
  future.push(snapshot());
  restore(step.before);
}

export function redo() {
  const text = future.pop();
  if (!text) return;
  past.push({ before: snapshot(), kind: null });
  restore(text);
}

export const canUndo = () => past.length > 0;
export const canRedo = () => future.length > 0;

/** Whether an instance is a region of the saliency map, and no thing of a known class. */
export const isRegion = (instance) => instance.is_region;

/** The chosen instances of a photo: by hand, else as the server chose. */
export const chosenOf = (photo) => state.choices[photo.key] ?? photo.opened?.subject.chosen ?? [];

/** Chooses one instance; with `joining`, adds it to the others or takes it away. */
export function choose(photo, index, joining) {
  const now = chosenOf(photo);
  const others = now.filter((one) => one !== index);
  const next = !joining ? [index] : now.includes(index) ? others : [...others, index];
  if (next.length) change((it) => { it.choices = { ...it.choices, [photo.key]: next.sort((a, b) => a - b) }; });
}

/** The fields of the API that say the same as the state. */
export function fieldsOf(photo) {
  const { look } = state;
  const fields = { softness: look.softness, background: look.background };
  const chosen = state.choices[photo.key];
  if (chosen) fields.instances = chosen.join(",");
  if (look.background === "colour") fields.background = look.colour;
  if (look.background === "blur") fields.background = `blur:${look.blur}`;
  if (look.background === "picture") {
    Object.assign(fields, { background_file: pictures[look.picture], fit: look.fit });
  }
  if (look.matte) fields.edges = "matte";
  for (const step of look.off) fields[step] = "false";
  if (look.crop) Object.assign(fields, { crop: "true", margin: look.margin });
  return fields;
}

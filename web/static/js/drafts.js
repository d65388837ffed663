// Drafts: photos and what was done to them stay in this browser until they are removed.

import { Problem } from "./api.js";
import { photoOf, queue, isDrawn } from "./photos.js";
import { announce, freshWork, pictures, state } from "./state.js";
import { tell } from "./tell.js";

const NAME = "vx-detectron";
const STORES = ["works", "files", "previews", "pictures", "page"];
const SOON = 200; // milliseconds after the last change
const SHOWN = ["view", "grid", "tab", "tool", "brush", "share"];

let database = null;
let waiting = null;
const written = new Map(); // store and key -> what is in the database

const done = (request) => new Promise((resolve, reject) => {
  request.onsuccess = () => resolve(request.result);
  request.onerror = () => reject(request.error);
});

function openDatabase() {
  const request = indexedDB.open(NAME, 1);
  request.onupgradeneeded = () => STORES.forEach((name) => request.result.createObjectStore(name));
  return done(request);
}

/** Brings back what was there before a reload, and keeps what comes from now on. */
export async function restore() {
  try {
    database = await openDatabase();
    const [works, files, previews, kept, [page]] = await Promise.all(STORES.map(readAll));
    for (const [store, all] of [["files", files], ["previews", previews], ["pictures", kept]]) {
      for (const [key, file] of all) written.set(`${store} ${key}`, file);
    }
    for (const key of works.keys()) written.set(`works ${key}`, null);
    for (const [key, file] of kept) pictures.set(key, file);
    const found = [...works.values()].sort((a, b) => a.order - b.order).filter(({ key }) => files.has(key));
    const photos = found.map((work) => photoFrom(work, files.get(work.key), previews.get(work.key)));
    state.photos.unshift(...photos); // some may have been added meanwhile
    if (page && photos.length) Object.assign(state, page[1].shown);
    state.current ??= photos.find(({ key }) => key === page?.[1].current) ?? photos[0] ?? null;
    for (const photo of photos) if (!photo.problem && !(photo.opened && isDrawn(photo))) queue(photo);
  } catch (error) {
    giveUp(error);
  }
  announce();
}

async function readAll(name) {
  const store = database.transaction(name).objectStore(name);
  const [keys, values] = await Promise.all([done(store.getAllKeys()), done(store.getAll())]);
  return new Map(keys.map((key, at) => [key, values[at]]));
}

function photoFrom(work, file, preview) {
  const problem = work.problem && new Problem(...work.problem);
  const picture = preview ? URL.createObjectURL(preview) : null;
  const fresh = freshWork();
  const look = { ...fresh.look, ...work.work.look }; // what a later version has more
  return photoOf(file, { ...work, problem, picture, preview, work: { ...fresh, ...work.work, look } });
}

/** Writes what has changed, shortly after the last change. */
export function keepDraft() {
  clearTimeout(waiting);
  waiting = setTimeout(writeNow, SOON);
}

/** Writes what has changed. */
export function writeNow() {
  clearTimeout(waiting);
  if (!database) return;
  try {
    const transaction = database.transaction(STORES, "readwrite");
    transaction.onabort = () => giveUp(transaction.error);
    const here = new Set();
    const put = (store, key, value, version) => {
      here.add(`${store} ${key}`);
      if (written.get(`${store} ${key}`) === version) return;
      written.set(`${store} ${key}`, version);
      transaction.objectStore(store).put(value, key);
    };
    for (const [order, photo] of state.photos.entries()) {
      const { key, file, name, work, past, future, opened, drawn, box, size, reason, problem, preview } = photo;
      const lasting = problem && [problem.code, problem.message, problem.hint];
      const value = { key, order, name, work, past, future, opened, drawn, box, size, reason, problem: lasting };
      put("works", key, value, JSON.stringify(value));
      put("files", key, file, file);
      if (preview) put("previews", key, preview, preview);
    }
    const used = JSON.stringify(state.photos.map(({ work, past, future }) => [work, past, future]));
    for (const [key, file] of pictures) if (used.includes(key)) put("pictures", key, file, file);
    const shown = Object.fromEntries(SHOWN.map((name) => [name, state[name]]));
    const page = { current: state.current?.key, shown };
    put("page", "page", page, JSON.stringify(page));
    for (const gone of written.keys()) {
      if (here.has(gone)) continue;
      const [store, key] = gone.split(" ");
      transaction.objectStore(store).delete(key);
      written.delete(gone);
    }
  } catch (error) {
    giveUp(error);
  }
}

function giveUp(error) {
  database = null;
  tell(`This browser cannot store drafts (${error?.message ?? error}): reloading the page loses your work.`);
}

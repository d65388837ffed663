// From the page to a file or the clipboard, in full size.

import { CANCELLED } from "./api.js";
import { statusOf } from "./grid.js";
import { allSettled, render, resultFields } from "./photos.js";
import { state } from "./state.js";
import { say, tell } from "./tell.js";
import { zip } from "./zip.js";

const $ = (id) => document.getElementById(id);
const LOSSY = new Set(["jpg", "webp"]);
const PICTURES = new Set(["png", "jpg", "webp"]);
const KEPT = ["format", "size", "quality"]; // as the page remembers them

let stop = null; // of the download that is under way

export function setUpDownload() {
  const kept = JSON.parse(localStorage.getItem("save") ?? "{}");
  for (const name of KEPT) {
    if (name === "quality") $(name).value = kept[name] ?? 95;
    else if (kept[name] !== undefined) $(name).value = kept[name];
    $(name).addEventListener("input", () => {
      localStorage.setItem("save", JSON.stringify(Object.fromEntries(KEPT.map((one) => [one, $(one).value]))));
      showDownload();
    });
  }
  $("mask-only").addEventListener("change", showDownload);
  $("download").addEventListener("click", () => guarded(saveOne));
  $("download-all").addEventListener("click", () => guarded(saveAll));
  $("copy").addEventListener("click", () => guarded(copy));
  $("stop-saving").addEventListener("click", () => stop?.abort());
}

/** One download at a time, which can be cancelled, and says how it goes. */
async function guarded(work) {
  if (stop) return;
  stop = new AbortController();
  progress("Rendering at full size");
  try {
    await work(stop.signal);
  } catch (error) {
    tell(error.name === "AbortError" ? CANCELLED() : error);
  }
  stop = null;
  $("saving").hidden = true;
  showDownload();
}

function progress(words, share = null) {
  $("saving").hidden = false;
  $("saving-words").textContent = words;
  if (share === null) $("saving-progress").removeAttribute("value");
  else $("saving-progress").value = share;
  showDownload();
}

/** Whether there is something to save; of what is being marked, the mask tells. */
const isReady = (photo) => Boolean(photo && (state.view === "fix" && photo === state.current ? photo.mask : photo.picture));

export function showDownload() {
  const { current, photos } = state;
  const ready = photos.filter(isReady);
  const format = $("format").value;
  const isPicture = PICTURES.has(format);
  const copies = Boolean(navigator.clipboard?.write && window.ClipboardItem);
  $("download").disabled = !isReady(current) || Boolean(stop);
  $("copy").disabled = $("download").disabled || !copies;
  $("copy").title = copies ? "Copy the cut-out to the clipboard" : "The browser lets only https pages, or pages from this machine, copy pictures.";
  $("download-all").disabled = Boolean(stop) || !ready.length;
  $("download-all").hidden = photos.length < 2;
  $("download-all").textContent = `All ${photos.length} as ZIP`;
  $("quality-field").hidden = !LOSSY.has(format);
  $("quality-figure").textContent = $("quality").value;
  $("size-field").hidden = format === "json";
  $("mask-field").hidden = !isPicture;
  const whitened = format === "jpg" && !$("mask-only").checked && current?.work.look.background === "transparent";
  $("save-note").hidden = !whitened;
  $("save-note").textContent = whitened ? "JPG has no transparency: the background will be white." : "";
}

/** What to ask for, beside the photo's own fields. */
function wanted(format) {
  const fields = { format };
  if ($("size").value && format !== "json") fields.megapixels = $("size").value;
  if (LOSSY.has(format)) fields.quality = $("quality").value;
  if (PICTURES.has(format) && $("mask-only").checked) fields.mask_only = "true";
  return fields;
}

async function cutOut(photo, format, signal, onProgress) {
  const fields = { ...resultFields(photo), ...wanted(format) };
  if (format === "jpg" && fields.background === "transparent") fields.background = "white";
  const { blob } = await render(photo, fields, signal, onProgress);
  const stem = photo.name.replace(/\.[^.]+$/, "") || "photo";
  const what = fields.mask_only ? "mask" : "cutout";
  return { name: `${stem}_${what}.${format}`, blob };
}

async function saveOne(signal) {
  const { name, blob } = await cutOut(state.current, $("format").value, signal, (share) => progress("Downloading", share));
  save(name, blob);
}

async function copy(signal) {
  // The promise is handed over, not its result: Safari asks for that.
  const png = cutOut(state.current, "png", signal).then(({ blob }) => blob);
  await navigator.clipboard.write([new ClipboardItem({ "image/png": png })]);
  say("Copied. Paste it wherever you like.");
}

async function saveAll(signal) {
  progress("Waiting for all photos to be cut out");
  await allSettled();
  const files = [];
  const missing = [];
  const names = new Map();
  for (const [at, photo] of state.photos.entries()) {
    progress(`${at + 1} of ${state.photos.length}: ${photo.name}`, at / state.photos.length);
    if (!isReady(photo)) {
      missing.push(`${photo.name}: ${statusOf(photo)[1]}`);
      continue;
    }
    try {
      files.push(unlike(await cutOut(photo, $("format").value, signal), names));
    } catch (error) {
      if (error.name === "AbortError") throw error;
      missing.push(`${photo.name}: ${error}`);
    }
  }
  if (missing.length) files.push({ name: "left out.txt", blob: new Blob([missing.join("\n"), "\n"]) });
  save("cutouts.zip", await zip(files));
  if (missing.length) tell(`${missing.length} of ${state.photos.length} left out. ${missing.join(" ")}`);
  else say(`All ${files.length} photos are in cutouts.zip.`);
}

/** A name that no file before has. */
function unlike(file, names) {
  const again = names.get(file.name) ?? 0;
  names.set(file.name, again + 1);
  return again ? { ...file, name: file.name.replace(/_(cutout|mask)\./, `_$1_${again + 1}.`) } : file;
}

function save(name, blob) {
  const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

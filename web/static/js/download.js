// From the page to a file, in full size.

import { render } from "./photos.js";
import { state } from "./state.js";
import { zip } from "./zip.js";

const $ = (id) => document.getElementById(id);

export function setUpDownload(tell) {
  const guarded = (button, work) => async () => {
    button.disabled = true;
    try {
      await work();
    } catch (error) {
      tell(error);
    }
    showDownload();
  };
  $("download").addEventListener("click", guarded($("download"), saveOne));
  $("download-all").addEventListener("click", guarded($("download-all"), saveAll));
}

export function showDownload() {
  const ready = state.photos.filter((photo) => photo.picture);
  $("download").disabled = !state.current?.picture;
  $("download-all").disabled = false;
  $("download-all").hidden = ready.length < 2;
  $("download-all").textContent = `All ${ready.length} as ZIP`;
  // JPEG knows no transparency.
  const jpg = $("format").querySelector("[value=jpg]");
  jpg.disabled = state.look.background === "transparent";
  if (jpg.disabled && $("format").value === "jpg") $("format").value = "png";
}

async function cutOut(photo) {
  const format = $("format").value;
  const { blob } = await render(photo, { format });
  const stem = photo.file.name.replace(/\.[^.]+$/, "") || "photo";
  return { name: `${stem}_cutout.${format}`, blob };
}

async function saveOne() {
  const { name, blob } = await cutOut(state.current);
  save(name, blob);
}

async function saveAll() {
  const files = [];
  const names = new Map();
  for (const photo of state.photos.filter((one) => one.picture)) {
    const file = await cutOut(photo);
    const again = names.get(file.name) ?? 0;
    names.set(file.name, again + 1);
    files.push(again ? { ...file, name: file.name.replace("_cutout", `_cutout_${again + 1}`) } : file);
  }
  save("cutouts.zip", await zip(files));
}

function save(name, blob) {
  const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

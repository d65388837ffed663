// The Live tab: camera in, subject before another background out.

import { draw } from "./live-draw.js";
import { Masks } from "./live-masks.js";

const $ = (id) => document.getElementById(id);
const canvas = $("canvas");
const video = document.createElement("video");
video.muted = true;
video.playsInline = true;

const look = { kind: "blur", colour: "#00b140", picture: null };
let masks = null;
let recorder = null;
let point = null;

/** Says what went wrong; nothing for nothing. */
function tell(problem) {
  $("problem").textContent = problem ? String(problem.message ?? problem) : "";
  $("problem").hidden = !problem;
}

/** What is wrong with the camera, in words. */
function words(error) {
  if (!navigator.mediaDevices) return "Browsers allow the camera only on https pages and on localhost.";
  if (error.name === "NotAllowedError") return "The browser was not allowed to use the camera; allow it next to the address bar.";
  if (error.name === "NotFoundError") return "No camera was found.";
  if (error.name === "NotReadableError") return "Another program is using the camera.";
  return error.message;
}

async function start() {
  tell(null);
  $("toggle").disabled = true;
  try {
    video.srcObject = await navigator.mediaDevices.getUserMedia({ video: { width: { ideal: 640 }, height: { ideal: 480 } } });
    await video.play();
    canvas.width = video.videoWidth;
    canvas.height = video.videoHeight;
    masks = await Masks.start();
  } catch (error) {
    stop();
    tell(words(error));
    return;
  } finally {
    $("toggle").disabled = false;
  }
  $("toggle").textContent = "Stop";
  $("record").disabled = $("again").disabled = false;
  run(masks);
}

function stop() {
  for (const track of video.srcObject?.getTracks() ?? []) track.stop();
  video.srcObject = null;
  masks?.end();
  masks = null;
  if (recorder) recorder.stop();
  $("toggle").textContent = "Start the camera";
  $("record").disabled = $("again").disabled = true;
  $("what").textContent = $("figures").textContent = "";
}

/** One frame after the other: the next is asked for when the one before is shown. */
async function run(mine) {
  const times = [];
  while (masks === mine) {
    const taken = performance.now();
    try {
      const frame = mine.grab(video);
      const at = point;
      point = null;
      const found = await mine.mask(frame, at);
      if (masks !== mine) return;
      draw(canvas, frame, found.mask, look, $("mirror").checked);
      $("what").textContent = found.words;
    } catch (error) {
      if (masks !== mine) return;
      if (error.name === "AbortError") continue;
      tell(error);
      if (error.fatal) { stop(); return; }
      await new Promise((resolve) => setTimeout(resolve, 500));
      continue;
    }
    const now = performance.now();
    times.push(now);
    if (times.length > 30) times.shift();
    const rate = times.length > 1 ? (1000 * (times.length - 1)) / (now - times[0]) : 0;
    $("figures").value = `${rate.toFixed(1)} frames/s, ${Math.round(now - taken)} ms late`;
    canvas.dataset.frames = Number(canvas.dataset.frames ?? 0) + 1;
    await new Promise(requestAnimationFrame);
  }
}

function record() {
  if (recorder) { recorder.stop(); return; }
  const kind = ["video/webm;codecs=vp9", "video/webm", "video/mp4"].find((one) => MediaRecorder.isTypeSupported(one));
  const parts = [];
  const made = new MediaRecorder(canvas.captureStream(30), { mimeType: kind });
  recorder = made;
  made.addEventListener("dataavailable", (event) => parts.push(event.data));
  made.addEventListener("stop", () => {
    recorder = null;
    $("record").textContent = "Record";
    $("record").setAttribute("aria-pressed", "false");
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob(parts, { type: kind }));
    link.download = `live.${kind.includes("mp4") ? "mp4" : "webm"}`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  });
  made.start(1000);
  $("record").textContent = "Stop recording";
  $("record").setAttribute("aria-pressed", "true");
}

async function picture(source) {
  const image = new Image();
  image.src = source;
  await image.decode();
  return image;
}

async function choose() {
  const chosen = document.querySelector("input[name=look]:checked");
  look.colour = $("colour").value;
  try {
    if (chosen.value === "scene") look.picture = await picture(chosen.dataset.picture);
    if (chosen.value === "picture") {
      const [file] = $("file").files;
      if (!file) { $("file").click(); return; }
      look.picture = await picture(URL.createObjectURL(file));
    }
    look.kind = chosen.value === "scene" ? "picture" : chosen.value;
  } catch {
    tell("This picture cannot be shown; choose another one.");
  }
}

$("toggle").addEventListener("click", () => (masks ? stop() : start()));
$("record").addEventListener("click", record);
$("again").addEventListener("click", () => masks?.restart().catch(tell));
$("looks").addEventListener("change", (event) => {
  if (event.target.id === "colour") document.querySelector("input[value=colour]").checked = true;
  if (event.target.id === "file") document.querySelector("input[value=picture]").checked = true;
  choose();
});
canvas.addEventListener("click", (event) => {
  const x = event.offsetX / canvas.clientWidth;
  point = [$("mirror").checked ? 1 - x : x, event.offsetY / canvas.clientHeight];
});
addEventListener("pagehide", stop);

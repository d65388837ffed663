// Keep this, drop that: pointer and keys on the photo become hints, and hints are drawn on it.

import { simplified } from "./simplify.js";
import { change, countOf, display, noHints, state } from "./state.js";
import { tell } from "./tell.js";
import { pixelsPerPixel } from "./zoom.js";

const $ = (id) => document.getElementById(id);
const SVG = "http://www.w3.org/2000/svg";
const STILL = 6; // CSS pixels that a tap may tremble
const LONG = 450; // milliseconds of a long press
const MOST = { points: 200, strokes: 200, corners: 2000 };
const SIZES = [4, 120];

const sheet = $("sheet");
const stage = $("stage");
const marks = $("marks");

let gesture = null; // what the pointer is drawing now: { kind, points } in pixels of the photo
let aim = null; // where the keyboard points, in pixels of the photo

export function setUpMarks() {
  for (const radio of document.querySelectorAll("input[name=tool]")) {
    radio.addEventListener("change", () => display({ tool: radio.value }));
  }
  $("brush-size").addEventListener("input", () => resizeBrush(Number($("brush-size").value)));
  $("scratch").addEventListener("click", () =>
    change((work) => Object.assign(work, { scratch: !work.scratch, hints: noHints() })));
  $("unmark").addEventListener("click", () => change((work) => { work.hints = noHints(); }));
  sheet.addEventListener("pointerdown", onDown);
  sheet.addEventListener("contextmenu", (event) => state.view === "fix" && event.preventDefault());
  stage.addEventListener("pointermove", showRing);
  stage.addEventListener("pointerleave", () => { $("ring").hidden = true; });
  stage.addEventListener("twofingers", stopGesture);
}

export function resizeBrush(size) {
  display({ brush: Math.min(SIZES[1], Math.max(SIZES[0], Math.round(size))) });
}

/** Where a pointer is, in pixels of the photo, within it. */
function placeOf({ clientX, clientY }) {
  const { left, top, width, height } = sheet.getBoundingClientRect();
  const { opened } = state.current;
  const within = (share, side) => Math.round(10 * Math.min(Math.max(share * side, 0), side - 0.1)) / 10;
  return [within((clientX - left) / width, opened.width), within((clientY - top) / height, opened.height)];
}

function onDown(down) {
  if (state.view !== "fix" || !state.current?.opened || !down.isPrimary || down.button === 1 || stage.dataset.space) return;
  down.preventDefault();
  aim = null;
  const start = placeOf(down);
  const opposite = down.button === 2 || down.shiftKey;
  if (state.tool === "tap") tapOrBox(down, start, opposite);
  else brush(down, start, (state.tool === "keep") !== opposite ? "keep" : "drop");
}

/** Follows the pointer until it is released; `move` and `up` get its events. */
function follow(down, move, up) {
  sheet.setPointerCapture(down.pointerId);
  const stop = new AbortController();
  const options = { signal: stop.signal };
  gesture.stop = stop;
  sheet.addEventListener("pointermove", (event) => event.pointerId === down.pointerId && move(event), options);
  sheet.addEventListener("pointerup", (event) => {
    if (event.pointerId !== down.pointerId) return;
    const done = gesture;
    stopGesture();
    up(event, done);
  }, options);
  sheet.addEventListener("pointercancel", stopGesture, options);
}

function stopGesture() {
  clearTimeout(gesture?.timer);
  gesture?.stop.abort();
  gesture = null;
  showMarks();
}

function tapOrBox(down, start, opposite) {
  gesture = { kind: "box", points: [start] };
  const isStill = (event) => Math.hypot(event.clientX - down.clientX, event.clientY - down.clientY) <= STILL;
  follow(
    down,
    (event) => {
      if (gesture.points.length === 1 && isStill(event)) return;
      clearTimeout(gesture.timer);
      gesture.points = [start, placeOf(event)];
      showMarks();
    },
    (event, { points }) => (points.length === 1 ? addPoint(start, opposite ? "drop" : "keep") : addBox(start, placeOf(event))),
  );
  if (!opposite) {
    gesture.timer = setTimeout(() => {
      stopGesture();
      navigator.vibrate?.(20);
      addPoint(start, "drop");
    }, LONG);
  }
}

function brush(down, start, kind) {
  const scale = pixelsPerPixel();
  gesture = { kind, width: Math.round(10 * Math.max(state.brush / scale, 1)) / 10, points: [start] };
  const least = 1.5 / scale;
  follow(
    down,
    (event) => {
      for (const one of event.getCoalescedEvents?.() ?? [event]) {
        const next = placeOf(one);
        const last = gesture.points.at(-1);
        if (Math.hypot(next[0] - last[0], next[1] - last[1]) >= least) gesture.points.push(next);
      }
      if (gesture.points.length > MOST.corners) gesture.points = gesture.points.filter((_, index) => index % 2 === 0);
      showMarks();
    },
    (_, { width, points }) => addStroke({ kind, width, points: simplified(points, 0.6 / scale) }),
  );
}

export function addPoint(point, kind) {
  const { keep, drop } = state.current.work.hints;
  if (keep.length + drop.length >= MOST.points) return tell(`${MOST.points} points is the maximum; use the brush instead.`);
  change(({ hints }) => hints[kind].push(point));
}

function addStroke(stroke) {
  if (state.current.work.hints.strokes.length >= MOST.strokes) return tell(`${MOST.strokes} strokes is the maximum.`);
  change(({ hints }) => hints.strokes.push(stroke));
}

function addBox([x0, y0], [x1, y1]) {
  if (Math.abs(x1 - x0) < 1 || Math.abs(y1 - y0) < 1) return;
  change(({ hints }) => { hints.box = [Math.min(x0, x1), Math.min(y0, y1), Math.max(x0, x1), Math.max(y0, y1)]; });
}

/** Arrow keys aim, Enter marks: without a pointer. Returns whether the key was for this. */
export function onAimKey(event) {
  const { opened } = state.current;
  const step = Math.max(opened.width, opened.height) / (event.shiftKey ? 200 : 40);
  const ways = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  if (!ways[event.key] && event.key !== "Enter") return false;
  aim ??= [opened.width / 2, opened.height / 2];
  if (ways[event.key]) {
    const [x, y] = ways[event.key];
    const within = (value, side) => Math.min(Math.max(value, 0), side - 0.1);
    aim = [within(aim[0] + x * step, opened.width), within(aim[1] + y * step, opened.height)];
  } else addPoint(aim.map((value) => Math.round(10 * value) / 10), event.shiftKey ? "drop" : "keep");
  showMarks();
  return true;
}

/** A circle as large as the brush goes with the mouse. */
function showRing(event) {
  const brushing = state.view === "fix" && state.tool !== "tap" && event.pointerType !== "touch";
  const ring = $("ring");
  ring.hidden = !brushing;
  if (!brushing) return;
  const { left, top } = ring.parentElement.getBoundingClientRect();
  ring.dataset.kind = state.tool;
  ring.style.width = ring.style.height = `${state.brush}px`;
  ring.style.transform = `translate(${event.clientX - left - state.brush / 2}px, ${event.clientY - top - state.brush / 2}px)`;
}

export function showMarks() {
  const fixing = state.view === "fix" && Boolean(state.current?.opened);
  $("brushes").hidden = !fixing;
  marks.style.display = fixing ? "" : "none";
  if (!fixing) {
    aim = null;
    $("ring").hidden = true;
    return;
  }
  const { opened, work } = state.current;
  document.querySelector(`input[name=tool][value=${state.tool}]`).checked = true;
  $("brush-size-field").hidden = state.tool === "tap";
  $("brush-size").value = state.brush;
  $("scratch").setAttribute("aria-pressed", String(work.scratch));
  $("scratch").hidden = !opened.subject.chosen.length && !work.choice;
  $("unmark").disabled = !countOf(work.hints);
  marks.setAttribute("viewBox", `0 0 ${opened.width} ${opened.height}`);
  marks.replaceChildren(...shapes(work.hints));
}

function shapes({ keep, drop, strokes, box }) {
  const now = gesture?.kind === "box" && gesture.points.length === 2 ? gesture.points : null;
  const drawn = gesture && gesture.kind !== "box" ? [...strokes, gesture] : strokes;
  return [
    ...drawn.map((stroke) => line(`mark ${stroke.kind}`, stroke.points, stroke.width)),
    ...(box ? [frame(box)] : []),
    ...(now ? [frame([...now[0], ...now[1]])] : []),
    ...keep.map((point) => line("point keep", [point])),
    ...drop.map((point) => line("point drop", [point])),
    ...(aim ? [line("point aim", [aim])] : []),
  ];
}

function line(name, points, width = null) {
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("class", name);
  path.setAttribute("d", `M${points.map((point) => point.join(" ")).join("L")}${points.length === 1 ? "h.01" : ""}`);
  if (width) path.setAttribute("stroke-width", width);
  return path;
}

function frame([x0, y0, x1, y1]) {
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("class", "box");
  path.setAttribute("d", `M${x0} ${y0}H${x1}V${y1}H${x0}Z`);
  return path;
}

// The subject before its background, on a canvas.

const BLUR = 0.03; // standard deviation, as a share of the picture's diagonal

let front = null;
let last = null;

/** Draws a frame's subject, by its mask, before what `look` asks for. */
export function draw(canvas, frame, mask, look, mirror) {
  const { width, height } = canvas;
  const context = canvas.getContext("2d");
  context.setTransform(1, 0, 0, 1, 0, 0);
  if (look.kind === "picture" && look.picture) cover(context, look.picture, width, height);
  else if (look.kind === "colour") {
    context.fillStyle = look.colour;
    context.fillRect(0, 0, width, height);
  }
  if (mirror) context.setTransform(-1, 0, 0, 1, width, 0);
  if (look.kind === "none") {
    context.drawImage(frame, 0, 0, width, height);
    return;
  }
  if (look.kind === "blur") {
    context.filter = `blur(${BLUR * Math.hypot(width, height) / 2}px)`;
    context.drawImage(frame, 0, 0, width, height);
    context.filter = "none";
  }
  context.drawImage(cutOut(frame, mask, width, height), 0, 0);
}

/** The frame where the mask is. */
function cutOut(frame, mask, width, height) {
  if (!front || last !== `${width}x${height}`) {
    front = new OffscreenCanvas(width, height);
    last = `${width}x${height}`;
  }
  const context = front.getContext("2d");
  context.globalCompositeOperation = "copy";
  context.imageSmoothingQuality = "high";
  context.drawImage(mask, 0, 0, width, height);
  context.globalCompositeOperation = "source-in";
  context.drawImage(frame, 0, 0, width, height);
  return front;
}

/** A picture that fills the canvas; what sticks out is cut off. */
function cover(context, picture, width, height) {
  const scale = Math.max(width / picture.width, height / picture.height);
  const [w, h] = [picture.width * scale, picture.height * scale];
  context.drawImage(picture, (width - w) / 2, (height - h) / 2, w, h);
}

// Small pictures of the things in a photo: the photo itself, within their outlines.

const SPACE = 0.06; // around a thing, as a share of its box

/** Draws every candidate's thumbnail in a list, as soon as the photo can be seen. */
export async function fillThumbnails(photo, list) {
  const image = new Image();
  image.src = photo.url ?? "";
  try {
    await image.decode();
  } catch {
    return; // a format that only the server reads: names and numbers do
  }
  for (const pick of list.querySelectorAll(".pick")) {
    const instance = photo.opened.instances[pick.dataset.instance];
    draw(pick.querySelector("canvas"), image, photo.opened, instance);
  }
}

function draw(canvas, image, { width }, { box: [x, y, w, h], outline }) {
  const context = canvas.getContext("2d");
  const shrink = image.naturalWidth / width; // the picture's pixels per pixel of the photo
  const space = SPACE * Math.max(w, h);
  const scale = Math.min(canvas.width / (w + 2 * space), canvas.height / (h + 2 * space));
  context.translate(canvas.width / 2, canvas.height / 2);
  context.scale(scale, scale);
  context.translate(-x - w / 2, -y - h / 2);
  context.clip(new Path2D(outline), "evenodd");
  context.imageSmoothingQuality = "high";
  const [left, top] = [Math.max(x - space, 0), Math.max(y - space, 0)];
  const [wide, high] = [w + 2 * space, h + 2 * space];
  context.drawImage(image, left * shrink, top * shrink, wide * shrink, high * shrink, left, top, wide, high);
}

// Frames to masks, by the server. The camera's full picture never leaves the browser.

const SIDE = 320; // longest side of what is sent

/** What a server's problem says. */
async function problem(answer) {
  const body = await answer.json().catch(() => ({}));
  const error = new Error(body.detail ?? body.title ?? `The server answered ${answer.status}.`);
  error.fatal = answer.status === 404 || answer.status === 401;
  return error;
}

/** A reader of masks for one camera. */
export class Masks {
  /** Ask the server for one. */
  static async start() {
    const made = new Masks();
    await made.restart();
    return made;
  }

  /** Begin again: the next frame chooses the subject. */
  async restart() {
    const answer = await fetch("start", { method: "POST" });
    if (!answer.ok) throw await problem(answer);
    const { id } = await answer.json();
    this.end();
    Object.assign(this, { id, frames: new AbortController() });
  }

  /** The camera's picture as it is now. */
  grab(video) {
    const frame = new OffscreenCanvas(video.videoWidth, video.videoHeight);
    frame.getContext("2d").drawImage(video, 0, 0);
    return frame;
  }

  /**
   * The mask of a frame: a canvas whose alpha is the subject's, and what the subject is.
   * An AbortError if it all ends or begins again meanwhile.
   */
  async mask(frame, point) {
    const { id, frames } = this;
    const scale = Math.min(1, SIDE / Math.max(frame.width, frame.height));
    const width = Math.max(1, Math.round(frame.width * scale));
    const height = Math.max(1, Math.round(frame.height * scale));
    const small = new OffscreenCanvas(width, height);
    small.getContext("2d").drawImage(frame, 0, 0, width, height);
    const headers = { "Content-Type": "image/jpeg", "X-Live": id };
    if (point) headers["X-Point"] = `${point[0] * width},${point[1] * height}`;
    const body = await small.convertToBlob({ type: "image/jpeg", quality: 0.85 });
    const answer = await fetch("frame", { method: "POST", headers, body, signal: frames.signal });
    if (!answer.ok) throw await problem(answer);
    const alpha = new Uint8Array(await answer.arrayBuffer());
    const pixels = new ImageData(width, height);
    for (let i = 0; i < alpha.length; i++) pixels.data[4 * i + 3] = alpha[i];
    const mask = new OffscreenCanvas(width, height);
    mask.getContext("2d").putImageData(pixels, 0, 0);
    const state = answer.headers.get("X-State");
    const labels = answer.headers.get("X-Labels");
    return { mask, words: { none: "No subject", hidden: `Hidden: ${labels}` }[state] ?? labels };
  }

  /** Let the server forget it. */
  end() {
    if (!this.id) return;
    this.frames.abort(); // a frame that arrived after the end would be refused
    fetch("end", { method: "POST", headers: { "X-Live": this.id }, keepalive: true }).catch(() => {});
    this.id = null;
  }
}

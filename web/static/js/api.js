// The server's API, version 1. Errors are Problems with the server's own code and words.

const BASE = "/api/v1/instances";

export class Problem extends Error {
  constructor(code, detail, hint = "", after = null) {
    super(detail);
    Object.assign(this, { code, hint, after }); // after: seconds until it is worth trying again
  }

  toString() {
    const sentence = /[.!?]$/.test(this.message) ? this.message : `${this.message}.`;
    return `${sentence} ${this.hint}`.trim();
  }
}

const UNREACHABLE = () => new Problem("unreachable", "The server cannot be reached.", "Try again in a moment.");
export const CANCELLED = () => new Problem("cancelled", "Cancelled.");

function problemFrom(text, status, after) {
  try {
    const { code, detail, hint } = JSON.parse(text);
    return new Problem(code, detail, hint, after && Number(after));
  } catch {
    return new Problem("unknown", `The server answered ${status}.`);
  }
}

/** Sends a photo; `onProgress` gets the share that is sent, 0..1. fetch cannot tell that. */
export function openPhoto(file, onProgress, signal) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const form = new FormData();
    form.append("image", file);
    request.open("POST", BASE);
    request.upload.onprogress = (event) => onProgress(event.loaded / event.total);
    request.onerror = () => reject(UNREACHABLE());
    request.onabort = () => reject(CANCELLED());
    request.onload = () =>
      request.status === 201
        ? resolve(JSON.parse(request.responseText))
        : reject(problemFrom(request.responseText, request.status, request.getResponseHeader("Retry-After")));
    if (signal?.aborted) return reject(CANCELLED());
    signal?.addEventListener("abort", () => request.abort());
    request.send(form);
  });
}

/** The picture of an opened photo; `fields` as in the API.
 *
 * Returns its blob, the reason, and the box of the photo in it: [left, top, width, height].
 */
export async function compose(id, fields, signal, onProgress) {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  try {
    const answer = await fetch(`${BASE}/${id}/compose`, { method: "POST", body: form, signal });
    if (!answer.ok) throw problemFrom(await answer.text(), answer.status, answer.headers.get("Retry-After"));
    return {
      blob: onProgress ? await received(answer, onProgress) : await answer.blob(),
      reason: answer.headers.get("X-Reason") ?? "",
      box: answer.headers.get("X-Photo-Box")?.split(",").map(Number) ?? null,
    };
  } catch (error) {
    throw error instanceof Problem || error.name === "AbortError" ? error : UNREACHABLE();
  }
}

async function received(answer, onProgress) {
  const whole = Number(answer.headers.get("Content-Length"));
  const parts = [];
  let size = 0;
  for (const reader = answer.body.getReader(); ; ) {
    const { done, value } = await reader.read();
    if (done) return new Blob(parts, { type: answer.headers.get("Content-Type") });
    parts.push(value);
    size += value.length;
    if (whole) onProgress(size / whole);
  }
}

/** Lets the server forget a photo. */
export function forget(id) {
  fetch(`${BASE}/${id}`, { method: "DELETE", keepalive: true }).catch(() => {});
}

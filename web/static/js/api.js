// The server's API, version 1. Errors are Problems with the server's own code and words.

const BASE = "/api/v1/instances";

export class Problem extends Error {
  constructor(code, detail, hint = "") {
    super(detail);
    Object.assign(this, { code, hint });
  }

  toString() {
    const sentence = /[.!?]$/.test(this.message) ? this.message : `${this.message}.`;
    return `${sentence} ${this.hint}`.trim();
  }
}

const UNREACHABLE = () => new Problem("unreachable", "The server cannot be reached.", "Try again in a moment.");

function problemFrom(text, status) {
  try {
    const { code, detail, hint } = JSON.parse(text);
    return new Problem(code, detail, hint);
  } catch {
    return new Problem("unknown", `The server answered ${status}.`);
  }
}

/** Sends a photo; `onProgress` gets the share that is sent, 0..1. fetch cannot tell that. */
export function openPhoto(file, onProgress) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const form = new FormData();
    form.append("image", file);
    request.open("POST", BASE);
    request.upload.onprogress = (event) => onProgress(event.loaded / event.total);
    request.onerror = () => reject(UNREACHABLE());
    request.onload = () =>
      request.status === 201
        ? resolve(JSON.parse(request.responseText))
        : reject(problemFrom(request.responseText, request.status));
    request.send(form);
  });
}

/** The picture of an opened photo; `fields` as in the API. Returns its blob and the reason. */
export async function compose(id, fields, signal) {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  let answer;
  try {
    answer = await fetch(`${BASE}/${id}/compose`, { method: "POST", body: form, signal });
  } catch (error) {
    throw error.name === "AbortError" ? error : UNREACHABLE();
  }
  if (!answer.ok) throw problemFrom(await answer.text(), answer.status);
  return { blob: await answer.blob(), reason: answer.headers.get("X-Reason") };
}

/** Lets the server forget a photo; also while the page closes. */
export function forget(id) {
  fetch(`${BASE}/${id}`, { method: "DELETE", keepalive: true }).catch(() => {});
}

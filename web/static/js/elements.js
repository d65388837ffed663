// Small helpers for making parts of the page.

export function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

/** A share 0..1 in whole percent; what is not quite nothing or all says so. */
export function percent(share) {
  if (share < 0.01) return "under 1 %";
  return share >= 0.995 && share < 1 ? "over 99 %" : `${Math.round(100 * share)} %`;
}

/** Lets an image show this address; none where there is none. */
export function setSource(image, url) {
  if (!url) image.removeAttribute("src");
  else if (image.getAttribute("src") !== url) image.src = url;
}

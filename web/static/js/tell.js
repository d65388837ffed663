// What the page says for a while: that something went wrong, or that it is done.

const $ = (id) => document.getElementById(id);
const timers = {};

function sayFor(id, words, milliseconds) {
  $(id).textContent = words;
  $(id).hidden = false;
  clearTimeout(timers[id]);
  timers[id] = setTimeout(() => { $(id).hidden = true; }, milliseconds);
}

/** What went wrong. */
export const tell = (error) => sayFor("problem", String(error), 8000);

/** What is done. */
export const say = (words) => sayFor("said", words, 4000);

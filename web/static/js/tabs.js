// One group of settings at a time.

import { display, state } from "./state.js";

const tabs = [...document.querySelectorAll("[role=tab]")];
const nameOf = (tab) => tab.id.replace("tab-", "");

export function setUpTabs() {
  // On a phone the tabs stay right below the photo, however high that is.
  const work = document.querySelector(".work");
  new ResizeObserver(() => work.parentElement.style.setProperty("--work", `${work.offsetHeight}px`)).observe(work);
  for (const [at, tab] of tabs.entries()) {
    tab.addEventListener("click", () => display({ tab: nameOf(tab) }));
    tab.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!step) return;
      const next = tabs.at((at + step) % tabs.length);
      display({ tab: nameOf(next) });
      next.focus();
    });
  }
}

export function showTabs() {
  document.getElementById("editor").dataset.tab = state.tab;
  for (const tab of tabs) {
    const isShown = nameOf(tab) === state.tab;
    tab.setAttribute("aria-selected", String(isShown));
    tab.tabIndex = isShown ? 0 : -1;
    document.getElementById(tab.getAttribute("aria-controls")).hidden = !isShown;
  }
}

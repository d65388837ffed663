// Before the first paint: say that scripts run, and keep the colours a person chose.
(() => {
  const root = document.documentElement;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : dark.matches);
  const button = () => document.getElementById("theme");

  function show() {
    root.classList.toggle("dark-mode", isDark()); // Swagger UI's name
    button()?.setAttribute("aria-pressed", String(isDark()));
  }

  root.classList.add("with-script");
  const kept = localStorage.getItem("theme");
  if (kept) root.dataset.theme = kept;
  show();
  dark.addEventListener("change", show);
  addEventListener("DOMContentLoaded", () => {
    show();
    button()?.addEventListener("click", () => {
      root.dataset.theme = isDark() ? "light" : "dark";
      localStorage.setItem("theme", root.dataset.theme);
      show();
    });
  });
})();

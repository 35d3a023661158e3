// Runs before the first paint: sets light or dark and the tenant's colour, so that neither flashes.
// Light, dark or (default) as the system says; the choice is kept in this browser only.
(function () {
  "use strict";
  var root = document.documentElement;
  var system = window.matchMedia("(prefers-color-scheme: dark)");

  function choice() {
    try {
      return window.localStorage.getItem("toban-theme") || "auto";
    } catch (refused) {
      return "auto";
    }
  }

  function apply() {
    var chosen = choice();
    root.dataset.theme = chosen;
    root.dataset.bsTheme = chosen === "auto" ? (system.matches ? "dark" : "light") : chosen;
  }

  apply();
  system.addEventListener("change", apply);
  window.addEventListener("toban:theme", apply);
  if (/^#[0-9a-fA-F]{6}$/.test(root.dataset.tenantColour || "")) {
    root.style.setProperty("--tenant", root.dataset.tenantColour);
  }
})();

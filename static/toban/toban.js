// What pages do beyond plain links and forms. Every page also works without this file: menus are <details>,
// lists are links, forms post. Texts come from the page (data attributes), so they are in its language.

const root = document.documentElement;
const language = root.lang || "ja";
const body = document.body;

// --- The page's clock ------------------------------------------------------------------------------------------
// The server says what time it is when the page is made; from there the browser only counts, because the
// computer at the desk may be minutes wrong and a demo may play on another day.

const serverNow = Date.parse(body.dataset.now || "") || Date.now();
const startedAt = performance.now();
const zone = body.dataset.zone || "Asia/Tokyo";
const now = () => serverNow + (performance.now() - startedAt);

const timeOfDay = new Intl.DateTimeFormat("en-GB", { timeZone: zone, hour: "2-digit", minute: "2-digit", second: "2-digit" });
const dayOfYear = new Intl.DateTimeFormat(language, { timeZone: zone, month: language === "ja" ? "numeric" : "short", day: "numeric", weekday: "short" });
const relative = new Intl.RelativeTimeFormat(language, { numeric: "auto" });

// Japanese writes a number and what it counts in one: "3 日前" is how the browser says it.
const relativeWords = (amount, unit) => (language === "ja" ? relative.format(amount, unit).replace(/ /g, "") : relative.format(amount, unit));

function relativeText(instant) {
  const seconds = Math.round((instant - now()) / 1000);
  const size = Math.abs(seconds);
  if (size < 60) return relativeWords(seconds, "second");
  if (size < 3600) return relativeWords(Math.trunc(seconds / 60), "minute");
  if (size < 86400) return relativeWords(Math.trunc(seconds / 3600), "hour");
  return relativeWords(Math.trunc(seconds / 86400), "day");
}

function dayText(instant) {
  const part = Object.fromEntries(dayOfYear.formatToParts(instant).map(({ type, value }) => [type, value]));
  return language === "ja" ? `${part.month}/${part.day} (${part.weekday})` : `${part.weekday} ${part.day} ${part.month}`;
}

function tickClock() {
  for (const clock of document.querySelectorAll("[data-clock]")) {
    clock.querySelector("[data-clock-day]").textContent = dayText(now());
    clock.querySelector("[data-clock-time]").textContent = timeOfDay.format(now());
  }
}

function refreshRelative(scope) {
  for (const place of scope.querySelectorAll("[data-relative]")) {
    const instant = Date.parse(place.dataset.relative);
    if (instant) place.textContent = relativeText(instant);
  }
}

tickClock();
refreshRelative(document);
window.setInterval(tickClock, 1000);
window.setInterval(() => refreshRelative(document), 15000);

// --- Theme -----------------------------------------------------------------------------------------------------

function markTheme() {
  for (const button of document.querySelectorAll("[data-set-theme]")) {
    button.setAttribute("aria-pressed", String(button.dataset.setTheme === root.dataset.theme));
  }
}

function setTheme(name) {
  try {
    window.localStorage.setItem("toban-theme", name);
  } catch (refused) {
    // A browser that keeps nothing still follows the system.
  }
  window.dispatchEvent(new Event("toban:theme"));
  markTheme();
}

markTheme();

// --- Clicks: theme, copy, help, menus --------------------------------------------------------------------------

async function copy(button) {
  await navigator.clipboard.writeText(button.dataset.copy);
  button.classList.add("copied");
  announce(body.dataset.textCopied);
  window.setTimeout(() => button.classList.remove("copied"), 1600);
}

function announce(text) {
  const place = document.getElementById("announcer");
  if (place && text && place.textContent !== text) place.textContent = text;
}

function openHelp() {
  const help = document.getElementById("help");
  if (help && !help.open) help.showModal();
}

document.addEventListener("click", (event) => {
  const target = event.target instanceof Element ? event.target : null;
  if (!target) return;
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(target)) menu.open = false;
  }
  const theme = target.closest("[data-set-theme]");
  if (theme) setTheme(theme.dataset.setTheme);
  const copyButton = target.closest("[data-copy]");
  if (copyButton) copy(copyButton);
  if (target.closest("[data-open-help]")) openHelp();
  if (target.closest("[data-print]")) window.print();
});

// --- Forms: no second submission, ticked rows ------------------------------------------------------------------

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "post") return;
  if (form.dataset.sent) {
    event.preventDefault();
    return;
  }
  form.dataset.sent = "1";
  for (const button of form.querySelectorAll("button[type=submit], button:not([type])")) button.setAttribute("aria-busy", "true");
});

// A page taken back from the browser's memory must be usable again.
window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) {
    delete form.dataset.sent;
    for (const button of form.querySelectorAll("[aria-busy]")) button.removeAttribute("aria-busy");
  }
});

const ticked = new Set();

function showBulk() {
  const bar = document.querySelector("[data-bulk]");
  if (!bar) return;
  const boxes = [...document.querySelectorAll("[data-tick]")];
  bar.hidden = ticked.size === 0;
  bar.querySelector("[data-bulk-count]").textContent = String(ticked.size);
  const holder = bar.querySelector("[data-bulk-ids]");
  holder.replaceChildren(...[...ticked].map((id) => Object.assign(document.createElement("input"), { type: "hidden", name: "ids", value: id })));
  const all = document.querySelector("[data-tick-all]");
  if (all) {
    const on = boxes.filter((box) => box.checked).length;
    all.checked = on > 0 && on === boxes.length;
    all.indeterminate = on > 0 && on < boxes.length;
  }
}

function tick(box, on) {
  box.checked = on;
  if (on) ticked.add(box.value);
  else ticked.delete(box.value);
}

document.addEventListener("change", (event) => {
  const box = event.target;
  if (box.matches("[data-tick]")) tick(box, box.checked);
  else if (box.matches("[data-tick-all]")) document.querySelectorAll("[data-tick]").forEach((one) => tick(one, box.checked));
  else if (box.matches("[data-submit-on-change]")) box.form.requestSubmit();
  else return;
  showBulk();
});

document.querySelector("[data-untick]")?.addEventListener("click", () => {
  document.querySelectorAll("[data-tick]").forEach((box) => tick(box, false));
  showBulk();
});

document.querySelectorAll("[data-tick]:checked").forEach((box) => tick(box, true));
showBulk();

// --- Keyboard --------------------------------------------------------------------------------------------------

let awaitingGo = 0;
let currentKey = "";

function rows() {
  return [...document.querySelectorAll("[data-row]")];
}

function moveRow(step) {
  const all = rows();
  if (!all.length) return;
  const at = all.findIndex((row) => row.classList.contains("current"));
  const next = at < 0 ? (step > 0 ? 0 : all.length - 1) : Math.min(Math.max(at + step, 0), all.length - 1);
  all.forEach((row, index) => row.classList.toggle("current", index === next));
  currentKey = all[next].dataset.key || "";
  all[next].scrollIntoView({ block: "nearest" });
  all[next].querySelector("a[href], summary")?.focus({ preventScroll: true });
}

function tickRow() {
  const box = document.querySelector("[data-row].current [data-tick]");
  if (!box) return;
  tick(box, !box.checked);
  showBulk();
}

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
  }
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (event.target instanceof Element && event.target.closest("input:not([type=checkbox]), textarea, select, dialog[open]")) return;
  if (awaitingGo && Date.now() - awaitingGo < 1500) {
    awaitingGo = 0;
    const link = document.querySelector(`[data-go="${CSS.escape(event.key)}"]`);
    if (link) {
      event.preventDefault();
      link.click();
    }
    return;
  }
  const act = {
    "/": () => (document.querySelector("[data-search]:not([hidden])") || document.querySelector("[data-go='r']"))?.focus(),
    g: () => { awaitingGo = Date.now(); },
    j: () => moveRow(1),
    k: () => moveRow(-1),
    x: tickRow,
    "?": openHelp,
  }[event.key];
  if (act) {
    event.preventDefault();
    act();
  }
});

// --- htmx: pause when hidden, lost network, changed rows, signed out -------------------------------------------

const lostNetwork = document.getElementById("net");
let lastGood = now();

function isPoll(detail) {
  return detail.elt?.hasAttribute("data-live");
}

document.addEventListener("htmx:configRequest", (event) => {
  // The server keeps a session alive only for what a person does.
  if (isPoll(event.detail)) event.detail.headers["Toban-Poll"] = "1";
});

document.addEventListener("htmx:beforeRequest", (event) => {
  if (isPoll(event.detail) && document.hidden) event.preventDefault();
});

document.addEventListener("visibilitychange", () => {
  if (document.hidden) return;
  for (const region of document.querySelectorAll("[data-live]")) region.dispatchEvent(new Event("toban:wake"));
});

function network(lost) {
  if (!lostNetwork) return;
  if (lost) lostNetwork.querySelector("[data-last-good]").textContent = timeOfDay.format(lastGood);
  lostNetwork.hidden = !lost;
  body.classList.toggle("is-stale", lost);
}

for (const name of ["htmx:sendError", "htmx:timeout"]) document.addEventListener(name, () => network(true));
document.addEventListener("htmx:responseError", (event) => network(event.detail.xhr.status >= 500));
window.addEventListener("offline", () => network(true));
window.addEventListener("online", () => document.dispatchEvent(new Event("visibilitychange")));

const before = new Map();

document.addEventListener("htmx:beforeSwap", (event) => {
  const { xhr, requestConfig } = event.detail;
  // Sent elsewhere (signed out, tenant closed): show that page whole instead of inside this one.
  const asked = new URL(requestConfig.path, window.location.href).pathname;
  if (xhr.responseURL && new URL(xhr.responseURL).pathname !== asked) {
    event.preventDefault();
    window.location.reload();
    return;
  }
  if (xhr.status >= 400) return;
  lastGood = now();
  network(false);
  before.clear();
  for (const row of document.querySelectorAll("[data-key]")) before.set(row.dataset.key, row.dataset.version);
});

document.addEventListener("htmx:afterSettle", () => {
  refreshRelative(document);
  for (const row of document.querySelectorAll("[data-key]")) {
    const known = before.get(row.dataset.key);
    if (before.size && known !== row.dataset.version) row.classList.add("changed");
  }
  before.clear();
  for (const row of rows()) row.classList.toggle("current", currentKey !== "" && row.dataset.key === currentKey);
  document.querySelectorAll("[data-tick]").forEach((box) => { box.checked = ticked.has(box.value); });
  showBulk();
  announce(document.querySelector("[data-announce]")?.dataset.announce);
});

// On a telephone the areas are a row that is wider than the screen: where one is must be in sight.
document.querySelector('.nav-list a[aria-current="page"]')?.scrollIntoView({ block: "nearest", inline: "center" });

body.dataset.ready = "1";

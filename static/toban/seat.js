// The seat: counts down what the server says is left, covers the page when it is over or left, and keeps what was typed.
// The server decides: this file shows its answer. Without it the 離席 button still posts, and an old session is refused.

const body = document.body;
const person = body.dataset.person || "";
const DRAFT = "toban-draft";
const WARN_S = 120;
const DOING_EVERY_MS = 30_000;

let deadline = Date.now() + Number(body.dataset.seatLeft || 0) * 1000;
let asking = false;
let lastDoing = Date.now();
const others = "BroadcastChannel" in window ? new BroadcastChannel("toban-seat") : null;

const here = () => window.location.pathname + window.location.search;

// --- What was typed ---------------------------------------------------------------------------------------------

function typed(field) {
  if (!field.name || ["password", "hidden", "file", "submit", "button", "search"].includes(field.type)) return false;
  if (field.type === "checkbox" || field.type === "radio") return field.checked !== field.defaultChecked;
  if (field instanceof HTMLSelectElement) return [...field.options].some((one) => one.selected !== one.defaultSelected);
  return field.value !== field.defaultValue;
}

function fieldsOf(scope) {
  return [...scope.querySelectorAll("main form input, main form textarea, main form select")];
}

function keep() {
  const kept = fieldsOf(document).map((field, place) => ({ field, place })).filter(({ field }) => typed(field))
    .map(({ field, place }) => ({ place, name: field.name, value: field.value, checked: field.checked === true }));
  try {
    if (kept.length) window.sessionStorage.setItem(DRAFT, JSON.stringify({ person, page: here(), kept }));
  } catch (refused) {
    // A browser that keeps nothing loses only what was typed.
  }
}

function giveBack() {
  let draft = null;
  try {
    draft = JSON.parse(window.sessionStorage.getItem(DRAFT) || "null");
  } catch (unreadable) {
    draft = null;
  }
  if (!draft || (draft.person === person && draft.page !== here())) return;
  window.sessionStorage.removeItem(DRAFT);
  if (draft.person !== person) return;
  const fields = fieldsOf(document);
  for (const { place, name, value, checked } of draft.kept) {
    const field = fields[place]?.name === name ? fields[place] : fields.find((one) => one.name === name);
    if (!field) continue;
    if (field.type === "checkbox" || field.type === "radio") field.checked = checked;
    else field.value = value;
    const folded = field.closest("details");
    if (folded) folded.open = true;
    field.dispatchEvent(new Event("input", { bubbles: true }));
  }
  const announcer = document.getElementById("announcer");
  if (announcer) announcer.textContent = body.dataset.textKept;
}

// --- Covering ---------------------------------------------------------------------------------------------------

function cover(on) {
  document.documentElement.classList.toggle("seat-left", on);
  document.getElementById("seat-cover").hidden = !on;
}

function toTheDoor() {
  window.location.assign(`${body.dataset.doorUrl}?next=${encodeURIComponent(here())}`);
}

async function ask({ polling }) {
  const answer = await fetch(body.dataset.seatUrl, { headers: polling ? { "Toban-Poll": "1" } : {}, cache: "no-store" });
  if (answer.status === 401) return 0;
  const left = Number(answer.headers.get("Toban-Seat-Left"));
  deadline = Date.now() + left * 1000;
  return left;
}

// Covered until the server says that the session holds after all: another window may have gone on.
async function check(patience = 0) {
  if (asking) return;
  asking = true;
  keep();
  cover(true);
  for (;;) {
    try {
      const left = await ask({ polling: true });
      if (left <= 0) {
        toTheDoor();
        return;
      }
      if (patience-- <= 0) break;
    } catch (unreachable) {
      // Stays covered: what cannot be asked for must not be seen either.
    }
    await new Promise((done) => { window.setTimeout(done, 1000); });
  }
  cover(false);
  asking = false;
}

// --- Counting ---------------------------------------------------------------------------------------------------

function count() {
  const left = Math.max(0, Math.round((deadline - Date.now()) / 1000));
  const text = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
  for (const place of document.querySelectorAll("[data-seat-time]")) place.textContent = text;
  const warning = document.getElementById("seat-warning");
  if (warning.hidden !== left > WARN_S) warning.hidden = left > WARN_S;
  if (left === 0) check();
}

function doing() {
  if (asking || Date.now() - lastDoing < DOING_EVERY_MS) return;
  lastDoing = Date.now();
  ask({ polling: false }).then((left) => { if (left <= 0) check(); }, () => {});
}

function stay() {
  lastDoing = 0;
  doing();
}

if (person) {
  giveBack();
  count();
  window.setInterval(count, 1000);
  for (const name of ["keydown", "pointerdown", "input"]) document.addEventListener(name, doing, { passive: true });
  document.querySelector("[data-seat-stay]").addEventListener("click", stay);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) count(); });
  window.addEventListener("pageshow", (event) => { if (event.persisted) check(); });

  document.addEventListener("submit", (event) => {
    if (!event.target.matches("[data-seat-leave]")) return;
    keep();
    cover(true);
    others?.postMessage("left");
  });
  others?.addEventListener("message", () => check(8));

  document.addEventListener("htmx:beforeOnLoad", (event) => {
    const { xhr } = event.detail;
    const left = xhr.getResponseHeader("Toban-Seat-Left");
    if (left) deadline = Date.now() + Number(left) * 1000;
    if (xhr.getResponseHeader("HX-Redirect")) {
      keep();
      cover(true);
    }
  });
}

// Passkeys: asks the portal for a question, lets the device answer it, and puts the answer into the form.
// Browsers that cannot do this see neither the buttons nor anything broken: a code goes everywhere.

const able = window.isSecureContext && "PublicKeyCredential" in window
  && "parseRequestOptionsFromJSON" in window.PublicKeyCredential;

async function ask(place, purpose) {
  const form = place.closest("form");
  const body = new URLSearchParams({ for: purpose, csrfmiddlewaretoken: form.elements.csrfmiddlewaretoken.value });
  const answer = await fetch(place.dataset.question, { method: "POST", body });
  if (!answer.ok) throw new Error(await answer.text());
  return answer.json();
}

function say(place, text) {
  const line = place.querySelector("[role=alert]");
  line.textContent = text;
  line.hidden = !text;
}

// What is missing is asked for by the portal's own words, so an empty form is sent as it is.
function incomplete(form, names) {
  const field = names.map((name) => form.elements[name]).find((one) => one && !one.value);
  field?.focus();
  return Boolean(field);
}

async function answered(place, question) {
  const button = place.querySelector("button");
  button.disabled = true;
  say(place, "");
  try {
    return JSON.stringify((await question()).toJSON());
  } catch (problem) {
    // The browser's own names: the person pressed "cancel" or waited too long; the device holds a key already.
    const known = { NotAllowedError: place.dataset.cancelled, InvalidStateError: place.dataset.known };
    say(place, known[problem.name] || problem.message);
    return "";
  } finally {
    button.disabled = false;
  }
}

async function prove(place) {
  const form = place.closest("form");
  if (incomplete(form, ["password", "current"])) return;
  const answer = await answered(place, async () => navigator.credentials.get({
    publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(await ask(place, "prove")),
  }));
  if (!answer) return;
  form.elements[place.dataset.field].value = answer;
  if (place.dataset.stays) {
    say(place, place.dataset.stays);
    return;
  }
  form.requestSubmit(form.querySelector("button[type=submit]"));
}

async function add(place) {
  const form = place.closest("form");
  if (incomplete(form, ["name", "password"])) return;
  const answer = await answered(place, async () => navigator.credentials.create({
    publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(await ask(place, "add")),
  }));
  if (!answer) return;
  form.elements.answer.value = answer;
  form.submit();
}

for (const [selector, act] of [["[data-passkey-prove]", prove], ["[data-passkey-add]", add]]) {
  for (const place of document.querySelectorAll(selector)) {
    place.hidden = !able;
    place.querySelector("button").addEventListener("click", () => act(place));
  }
}
if (able) for (const place of document.querySelectorAll("[data-passkey-unable]")) place.hidden = true;

// Passkeys. A button with data-options is pressed as always; before its form is sent, the authenticator is asked
// for what the server wants, and its answer goes along. The server decides whether one is needed at all.
//
//   data-options   where to get what to ask for, with the fields of the form; no content means nothing is needed.
//                  What comes as "fields" is put into the form
//   data-passkey   "get" to use a passkey, "create" to make one
//   data-confirm   where to get what to ask for first, when making one takes a gesture with another

function toBytes(text) {
  const plain = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(plain, (c) => c.charCodeAt(0));
}

function toText(buffer) {
  const plain = String.fromCharCode(...new Uint8Array(buffer));
  return btoa(plain).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

function readOptions(options) {
  const withBytes = (known) => known.map((one) => ({ ...one, id: toBytes(one.id) }));
  const read = { ...options, challenge: toBytes(options.challenge) };
  if (read.user) read.user = { ...read.user, id: toBytes(read.user.id) };
  if (read.allowCredentials) read.allowCredentials = withBytes(read.allowCredentials);
  if (read.excludeCredentials) read.excludeCredentials = withBytes(read.excludeCredentials);
  return read;
}

function writeAnswer(credential) {
  const { response } = credential;
  const data = response.authenticatorData ?? response.getAuthenticatorData();
  return JSON.stringify({
    id: credential.id,
    type: credential.type,
    response: {
      clientDataJSON: toText(response.clientDataJSON),
      authenticatorData: toText(data),
      signature: response.signature ? toText(response.signature) : undefined,
      userHandle: response.userHandle ? toText(response.userHandle) : undefined,
    },
  });
}

// What the server wants, or nothing when it wants nothing or has something else to say.
async function fetchOptions(address, form, button) {
  const body = new URLSearchParams(new FormData(form, button));
  const response = await fetch(address, { method: "POST", body });
  if (response.status !== 200) return undefined;
  const { fields = {}, ...options } = await response.json();
  for (const [name, value] of Object.entries(fields)) form.elements[name].value = value;
  return readOptions(options);
}

async function ask(kind, publicKey, more = {}) {
  return writeAnswer(await navigator.credentials[kind]({ publicKey, ...more }));
}

let waiting; // for whoever picks a passkey from the e-mail field

async function answerFor(form, button) {
  if (button.dataset.confirm) {
    const first = await fetchOptions(button.dataset.confirm, form, button);
    if (first) form.elements.confirmation.value = await ask("get", first);
  }
  const options = await fetchOptions(button.dataset.options, form, button);
  return options && (await ask(button.dataset.passkey, options));
}

function say(form, text) {
  const place = form.querySelector("[data-passkey-status]");
  if (place) place.textContent = text;
}

async function onSubmit(event) {
  const { target: form, submitter: button } = event;
  if (!button?.dataset.options || form.elements.answer.value || form.dataset.plain) return;
  event.preventDefault();
  if (form.dataset.busy) return;
  form.dataset.busy = "yes";
  say(form, "");
  waiting?.abort();
  try {
    const answer = await answerFor(form, button);
    if (answer) form.elements.answer.value = answer;
    else form.dataset.plain = "yes";
    delete form.dataset.busy;
    form.requestSubmit(button);
  } catch {
    delete form.dataset.busy;
    if (form.elements.confirmation) form.elements.confirmation.value = "";
    say(form, document.querySelector("script[data-failed]").dataset.failed);
  }
}

// Offers passkeys where the e-mail address is typed, for as long as a challenge lasts, and then anew.
async function offer(form) {
  const available = await PublicKeyCredential.isConditionalMediationAvailable?.();
  const button = form.querySelector("button[data-options]");
  while (available && !waiting?.signal.aborted) {
    const options = await fetchOptions(button.dataset.options, form);
    if (!options || waiting?.signal.aborted) return;
    waiting = new AbortController();
    const renew = setTimeout(() => waiting.abort("renew"), 240_000);
    try {
      const more = { mediation: "conditional", signal: waiting.signal };
      form.elements.answer.value = await ask("get", options, more);
      form.requestSubmit(button);
      return;
    } catch {
      if (waiting.signal.reason !== "renew") return;
      waiting = undefined;
    } finally {
      clearTimeout(renew);
    }
  }
}

function forget() {
  for (const form of document.forms) {
    delete form.dataset.plain;
    for (const name of ["answer", "confirmation", "moment"]) {
      if (form.elements[name]) form.elements[name].value = "";
    }
  }
}

document.addEventListener("submit", onSubmit);
// A page that is gone back to still holds what was sent from it.
addEventListener("pageshow", (event) => event.persisted && forget());
if (window.PublicKeyCredential) {
  for (const element of document.querySelectorAll("[data-needs-passkeys]")) element.hidden = false;
  const form = document.querySelector("form[data-offer-passkeys]");
  if (form) offer(form);
}

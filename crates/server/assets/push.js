// Has this browser told of what waits, while no page is open. The form with data-push (the server's key) shows where a
// browser can do that; when its button is pressed, the browser's push service is asked where to send to, and the
// form takes that to the server.

async function active(worker) {
  const registration = await navigator.serviceWorker.register(worker);
  const starting = registration.installing ?? registration.waiting;
  if (!registration.active && starting) {
    await new Promise((done) => {
      starting.addEventListener("statechange", () => starting.state === "activated" && done());
    });
  }
  return registration;
}

function ownName() {
  const { userAgentData, platform } = navigator;
  const brand = userAgentData?.brands?.find((one) => !one.brand.includes("Not"))?.brand;
  return [brand, userAgentData?.platform ?? platform].filter(Boolean).join(" on ");
}

async function subscribe(form) {
  if ((await Notification.requestPermission()) !== "granted") {
    throw new Error("not allowed");
  }
  const registration = await active(form.dataset.worker);
  const wanted = { userVisibleOnly: true, applicationServerKey: form.dataset.push };
  const { endpoint, keys } = (await registration.pushManager.subscribe(wanted)).toJSON();
  const fields = { endpoint, p256dh: keys.p256dh, auth: keys.auth, name: ownName() };
  for (const [name, value] of Object.entries(fields)) {
    form.elements.namedItem(name).value = value;
  }
}

const form = document.querySelector("form[data-push]");
if (form && "serviceWorker" in navigator && "PushManager" in window) {
  form.hidden = false;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const status = form.querySelector("[data-push-status]");
    status.textContent = "";
    subscribe(form).then(
      () => form.submit(),
      () => (status.textContent = status.dataset.failed),
    );
  });
}

// "Notify me on this device": the browser asks the person only after a press.

import { forget, subscribe } from "./subscription.js";

const place = document.getElementById("this-device");
const form = place?.querySelector("form");

function tell(text) {
  const problem = place.querySelector(".problem");
  problem.textContent = text;
  problem.hidden = false;
}

async function press(event) {
  event.preventDefault();
  const button = form.querySelector("button");
  button.disabled = true;
  try {
    if ((await Notification.requestPermission()) !== "granted") return tell(place.dataset.refused);
    const { endpoint, keys } = await subscribe(place.dataset.key);
    Object.entries({ endpoint, ...keys }).forEach(([name, value]) => {
      if (form.elements[name]) form.elements[name].value = value;
    });
    form.submit();
  } catch {
    tell(place.dataset.failed);
  } finally {
    button.disabled = false;
  }
}

if (form) {
  if ("serviceWorker" in navigator && "PushManager" in window && "Notification" in window) {
    form.hidden = false;
    form.addEventListener("submit", press);
  } else tell(place.dataset.unable);
}

// The browser should not keep what notifier no longer uses.
document.querySelector("form[data-own]")?.addEventListener("submit", () => forget());

// Shows what notifier sends to this browser, and opens it in the console.

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

self.addEventListener("push", (event) => {
  const { title, body, url, tag } = event.data?.json() ?? {};
  // Browsers demand that each message shows something.
  const shown = self.registration.showNotification(title ?? "Upstairs", {
    body,
    tag,
    renotify: Boolean(tag),
    data: { url },
  });
  event.waitUntil(shown);
});

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(open(event.notification.data?.url));
});

/** Show it in a tab of the console that is there, so that tabs don't pile up. */
async function open(address) {
  const url = new URL(address ?? "/", self.location.origin);
  if (!["https:", "http:"].includes(url.protocol)) return;
  const tabs = await self.clients.matchAll({ type: "window" });
  const same = tabs.find((tab) => tab.url === url.href);
  if (same) await same.focus();
  else await self.clients.openWindow(url.href);
}

// The subscription of this browser to notifications, and the worker that shows them.

const WORKER = "/sw.js";

/** Return the subscription with this public key, a new one if another key was used before. */
export async function subscribe(key) {
  const worker = await navigator.serviceWorker.register(WORKER, { updateViaCache: "none" });
  await navigator.serviceWorker.ready;
  await (await worker.pushManager.getSubscription())?.unsubscribe();
  const options = { userVisibleOnly: true, applicationServerKey: key };
  return (await worker.pushManager.subscribe(options)).toJSON();
}

/** End the subscription: then no message reaches this browser, whatever the services know. */
export async function forget() {
  const worker = await navigator.serviceWorker?.getRegistration();
  await (await worker?.pushManager.getSubscription())?.unsubscribe();
}

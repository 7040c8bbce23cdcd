// One connection for all tabs of a browser. The tab that holds the lock reads the stream and passes
// every message on. Each tab holds a lock that names its view, so that the reader knows all views;
// the browser takes the locks of a closed tab back, and timers of hidden tabs don't matter.

const URL_OF_STREAM = "/live";
const READER = "upstairs-reader";
const VIEW = "upstairs-view ";
const MIN_WAIT_MS = 500;
const MAX_WAIT_MS = 15000;

/** Call `receive({type, data})` with each message for the view, while the page is open. */
export function connect(view, receive) {
  const channel = new BroadcastChannel("upstairs-live");
  const reading = new Reading((message) => {
    receive(message);
    channel.postMessage(message);
  });
  channel.onmessage = ({ data }) => (data === "views" ? reading.check() : receive(data));
  const forever = new Promise(() => {});
  navigator.locks.request(`${VIEW}${crypto.randomUUID()} ${view}`, () => {
    channel.postMessage("views");
    return forever;
  });
  navigator.locks.request(READER, () => reading.run());
}

/** Return the names of the tabs' locks: an id and a view. */
async function allTabs() {
  const { held } = await navigator.locks.query();
  return held.map(({ name }) => name).filter((name) => name.startsWith(VIEW)).sort();
}

const viewsOf = (tabs) => [...new Set(tabs.map((name) => name.slice(VIEW.length).replace(/^\S+ /, "")))].sort();

/** Say what the reader must know: of screens each tab, since a new one needs all of its pieces. */
const needsOf = (tabs) => [...viewsOf(tabs), ...tabs.filter((name) => name.includes(" screen="))].join("\n");

class Reading {
  constructor(pass) {
    this.pass = pass;
    this.wait = MIN_WAIT_MS;
  }

  /** Connect again if the tabs show other views now. */
  async check() {
    if (this.needs !== undefined && this.needs !== needsOf(await allTabs())) this.request.abort();
  }

  async run() {
    while (!this.isOver) {
      await this.read().catch(() => {});
      await new Promise((resolve) => setTimeout(resolve, this.wait * (0.5 + Math.random())));
      this.wait = Math.min(this.wait * 2, MAX_WAIT_MS);
    }
  }

  async read() {
    this.request = new AbortController();
    const tabs = await allTabs();
    this.needs = needsOf(tabs);
    const query = new URLSearchParams(viewsOf(tabs).map((view) => ["view", view]));
    const options = { cache: "no-store", signal: this.request.signal };
    const response = await fetch(`${URL_OF_STREAM}?${query}`, options);
    this.isOver = response.status === 401;
    if (this.isOver) this.pass({ type: "session-over", data: {} });
    if (!response.ok) return;
    this.wait = MIN_WAIT_MS;
    // What happened before this connection is read from the page.
    this.pass({ type: "reload", data: {} });
    for await (const message of messages(response.body)) {
      this.pass(message);
      if (message.type === "beat") this.check();
    }
  }
}

async function* messages(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const parts = (text + value).split("\n\n");
    text = parts.pop();
    for (const part of parts) {
      const type = /^event: (.*)$/m.exec(part)?.[1];
      const data = /^data: (.*)$/m.exec(part)?.[1];
      if (type && data) yield { type, data: JSON.parse(data) };
    }
  }
}

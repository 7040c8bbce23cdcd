// What needs the viewer and is urgent: a number in the title of every tab, and a sound in one of
// them. Several at once make one sound, and there is at most one a minute.

import { announce } from "./announcements.js";
import { connect } from "./live.js";

const VIEW = "alarms";
const SOUNDER = "upstairs-sounder";
const STORE = "upstairs-alarm";
const PAUSE_MS = 60000;
// Time alone makes some urgent, as a lease that ends.
const READ_MS = 60000;
const RETRY_MS = 5000;
// An alarm that comes so soon after a press is heard in the sound of the press.
const PRESS_MS = 3000;
const SILENCE_MS = 15000;
const GESTURES = ["pointerup", "click", "keydown"];

class Alarm {
  constructor(form) {
    this.form = form;
    this.button = form.querySelector("button");
    this.words = form.dataset;
    this.title = document.title;
    this.urgent = new Set();
    this.isRead = false;
    this.pressedAt = -Infinity;
    this.beatAt = performance.now();
    this.tabs = new BroadcastChannel("upstairs-sound");
    this.tabs.onmessage = ({ data }) => this.mute(data.isMuted);
    this.audio = new AudioContext();
    this.audio.onstatechange = () => this.show();
    for (const name of GESTURES) addEventListener(name, () => this.allow(), { capture: true });
    document.addEventListener("visibilitychange", () => this.showTitle());
    form.addEventListener("submit", (event) => this.press(event));
    connect(VIEW, (message) => this.receive(message));
    setInterval(() => this.read(), READ_MS);
    setInterval(() => this.show(), 2000);
    this.read();
    this.show();
  }

  get isMuted() {
    return this.button.value === "on";
  }

  get isSilent() {
    return performance.now() - this.beatAt > SILENCE_MS;
  }

  receive({ type, data }) {
    if (type === "beat") this.beatAt = data.live ? performance.now() : this.beatAt;
    else if (type === "reload") this.read();
    else if (type === "session-over") this.beatAt = -Infinity;
    else if (type === "row" && Boolean(data.urgent) !== this.urgent.has(data.id)) {
      const urgent = new Set(this.urgent);
      if (data.urgent) urgent.add(data.id);
      else urgent.delete(data.id);
      this.take(urgent);
    }
  }

  async read() {
    const response = await fetch("/alarms", { cache: "no-store" }).catch(() => null);
    if (response?.ok) {
      const { urgent } = await response.json();
      this.isRead = true;
      this.take(new Set(urgent));
    } else if (!this.isRead) setTimeout(() => this.read(), RETRY_MS);
  }

  take(urgent) {
    announce([...urgent].filter((id) => !this.urgent.has(id)), this.words.news);
    this.urgent = urgent;
    this.showTitle();
    this.ring();
  }

  showTitle() {
    const count = this.urgent.size;
    if (count === 0) document.title = this.title;
    else document.title = `(${count}) ${document.hidden ? this.words.title : this.title}`;
  }

  // The sound

  /** Sound if something is new since the last time, in this tab if it is the one that sounds. */
  ring() {
    // Before the first answer nothing is known to be urgent: what rang would be forgotten.
    if (!this.isSounder || !this.isRead) return;
    const { at, known } = this.stored;
    const isNew = [...this.urgent].some((id) => !known.includes(id));
    if (!isNew || this.isMuted) return this.keep(at);
    const wait = at + PAUSE_MS - Date.now();
    if (wait > 0 && wait <= PAUSE_MS) {
      this.timer ??= setTimeout(() => {
        this.timer = null;
        this.ring();
      }, wait);
      return;
    }
    if (performance.now() - this.pressedAt > PRESS_MS) this.sound();
    this.keep(Date.now());
  }

  /** What rang does not ring again in the next page, as long as it is urgent. */
  get stored() {
    const kept = JSON.parse(localStorage.getItem(STORE) ?? "{}");
    return kept.person === this.words.person ? kept : { at: 0, known: [] };
  }

  keep(at) {
    const { person } = this.words;
    localStorage.setItem(STORE, JSON.stringify({ person, at, known: [...this.urgent] }));
  }

  /** Two short notes; a file would have to be loaded first. */
  sound() {
    const start = this.audio.currentTime + 0.05;
    const tone = this.audio.createOscillator();
    const volume = this.audio.createGain();
    tone.frequency.setValueAtTime(784, start);
    tone.frequency.setValueAtTime(1047, start + 0.18);
    volume.gain.setValueAtTime(0, start);
    volume.gain.linearRampToValueAtTime(0.3, start + 0.02);
    volume.gain.setValueAtTime(0.3, start + 0.3);
    volume.gain.linearRampToValueAtTime(0, start + 0.5);
    tone.connect(volume).connect(this.audio.destination);
    tone.start(start);
    tone.stop(start + 0.5);
  }

  /** Browsers let a page sound after somebody has pressed something in it. */
  allow() {
    if (this.audio.state === "suspended") this.audio.resume();
  }

  /** The first tab that may sound does, until it is closed. */
  apply() {
    if (this.isApplicant || this.audio.state !== "running") return;
    this.isApplicant = true;
    navigator.locks.request(SOUNDER, () => {
      this.isSounder = true;
      this.ring();
      return new Promise(() => {});
    });
  }

  // The button

  async show() {
    this.apply();
    const { held } = await navigator.locks.query();
    const isAllowed = this.audio.state === "running" || held.some(({ name }) => name === SOUNDER);
    let state = isAllowed ? "on" : "forbidden";
    if (this.isMuted) state = "off";
    if (this.isSilent) state = "lost";
    this.form.hidden = false;
    if (this.form.dataset.state === state) return;
    this.form.dataset.state = state;
    this.button.querySelector("span").textContent = this.words[state];
    const icon = this.button.querySelector("use");
    icon.setAttribute("href", icon.getAttribute("href").replace(/#.*/, state === "on" ? "#sound" : "#silence"));
  }

  press(event) {
    event.preventDefault();
    if (this.form.dataset.state === "forbidden") {
      // The press has allowed it: let the person hear what an alarm is like.
      this.pressedAt = performance.now();
      this.audio.resume().then(() => this.sound());
      return;
    }
    const choice = this.button.value;
    fetch(this.form.action, { method: "POST", body: new URLSearchParams({ sound: choice }) }).catch(() => {});
    this.mute(choice === "off");
    this.tabs.postMessage({ isMuted: choice === "off" });
    if (choice === "on" && this.audio.state === "running") this.sound();
  }

  mute(isMuted) {
    this.button.value = isMuted ? "on" : "off";
    this.show();
    this.ring();
  }
}

const form = document.getElementById("sound");
if (form) new Alarm(form);

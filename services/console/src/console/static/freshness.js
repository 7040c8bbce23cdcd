// How old is what a page shows: the header says it, and values are greyed once nothing comes.

import { show } from "./rows.js";

const LOST_S = 15;
const OLD_S = 5;
const OLD_SCREEN_S = 10;

export class Freshness {
  constructor(screen, say) {
    this.screen = screen;
    this.say = say;
    this.place = document.getElementById("freshness");
  }

  noteBeat({ live, ages }) {
    const age = ages[this.screen];
    // Until the console has read the screen itself, the page is what it was when it was loaded.
    if (this.screen && age === undefined && !this.beat) return;
    const at = performance.now() - (age ?? 0) * 1000;
    this.beat = { at, isLive: this.screen ? age !== undefined : live };
    this.show();
  }

  /** A page without beats says when it was read. */
  takeFrom(page) {
    const fresh = page.getElementById("freshness");
    if (!this.beat && fresh && this.place) this.place.textContent = fresh.textContent;
  }

  show() {
    const { place } = this;
    if (!place || !this.beat) return;
    const age = (performance.now() - this.beat.at) / 1000;
    const isOld = age > (this.screen ? OLD_SCREEN_S : OLD_S) || !this.beat.isLive;
    const tone = age > LOST_S ? "over" : isOld ? "soon" : "calm";
    if (tone === "over" && place.dataset.tone !== "over")
      this.lostAt = new Date(Date.now() - age * 1000).toLocaleTimeString([], { timeStyle: "short" });
    if (place.dataset.tone !== tone) place.dataset.tone = tone;
    document.body.classList.toggle("offline", tone === "over");
    const text = { calm: "live", soon: "old", over: "lost" }[tone];
    const digits = tone === "calm" ? 1 : 0;
    const format = { minimumFractionDigits: digits, maximumFractionDigits: digits };
    const shown = age.toLocaleString(document.documentElement.lang, format);
    show(place, this.say(text, tone === "over" ? this.lostAt : shown));
  }
}

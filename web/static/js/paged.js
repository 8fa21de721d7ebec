// Calls an officer to a call that nobody supervises, on whichever page they are: `<… data-paged="/address" hidden>`
// with `data-words` and the link `data-go` in it.

import { CHIME, play } from "./call/devices.js";

const EVERY = 5000;

class Paged {
  constructor(root) {
    Object.assign(this, { root, known: "" });
    this.ask();
    setInterval(() => this.ask(), EVERY);
  }

  async ask() {
    const answer = await fetch(this.root.dataset.paged, { headers: { Accept: "application/json" } }).catch(() => null);
    if (!answer?.ok || answer.redirected) return; // whoever is signed out learns it from the page itself
    const { calls } = await answer.json();
    const key = calls.map((call) => call.booking).join();
    if (key === this.known) return;
    this.known = key;
    this.root.hidden = calls.length === 0;
    if (!calls.length) return;
    this.root.querySelector("[data-words]").textContent = calls[0].words;
    this.root.querySelector("[data-go]").href = `/officer/visits/${calls[0].booking}`;
    play(CHIME).catch(() => undefined);
  }
}

for (const root of document.querySelectorAll("[data-paged]")) new Paged(root);

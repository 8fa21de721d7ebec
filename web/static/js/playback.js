// The playback page: all tracks of one visit in step over one timeline. Everything is on the page already
// (files, gaps, events); this module only moves it. Without it, the page has plain <video> controls.

import { MasterClock } from "./playback-clock.js";
import { Heard } from "./playback-heard.js";
import { Notes } from "./playback-notes.js";
import { Take } from "./playback-take.js";

const STEP_MS = 60;
const SKIP_MS = 5000;
const LEADER_MS = 500;
const INSTANT_MS = 300; // who comes in so soon is shown already: no flicker at the very beginning
const LEAD_MS = 400; // before somebody speaks
const PATIENCE_MS = 6000; // a take that is not ready by then is left behind, and said so

/** "3:07" or "1:03:07". */
function clockText(ms) {
  const seconds = Math.floor(ms / 1000);
  const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  if (parts[0] === 0) parts.shift();
  return parts.map((part, n) => (n === 0 ? String(part) : String(part).padStart(2, "0"))).join(":");
}

class Player {
  constructor(root) {
    this.root = root;
    this.clock = new MasterClock(Number(root.dataset.duration));
    this.people = [...root.querySelectorAll("[data-person]")].map((element) => new Person(element));
    this.takes = this.people.flatMap((person) => person.takes);
    this.events = [...root.querySelectorAll("[data-event]")];
    this.heard = new Heard(root.dataset.heard);
    this.seekBar = root.querySelector("[data-seek]");
    this.lateSince = null;
    this.spoken = JSON.parse(root.dataset.spoken || "[]");
    this.skips = root.querySelector("[data-skip]");
    this.#controls();
    this.#eventButtons();
    root.addEventListener("keydown", (event) => this.#key(event));
    this.place(0);
    setInterval(() => this.step(), STEP_MS);
    // The keys are the player's own, so that no other control loses one: they count at once.
    if (document.activeElement === document.body) root.querySelector("[data-play]").focus({ preventScroll: true });
    root.dataset.ready = "true";
  }

  step() {
    const at = this.clock.position();
    if (this.clock.running) this.#waitForAll(at);
    if (this.clock.running && !this.clock.held) this.#followLeader(at);
    const moving = this.clock.running && !this.clock.held;
    const placed = this.clock.position();
    for (const take of this.takes) take.follow(placed, { moving, speed: this.clock.speed });
    if (moving) this.heard.at(at);
    if (moving) this.#skip(at);
    if (this.clock.running && this.clock.over) this.pause();
    this.#show(at);
  }

  // Over what nobody says, where the officer wants that: what is skipped is not entered as heard.
  #skip(at) {
    if (!this.skips?.checked || !this.spoken.length) return;
    if (this.spoken.some(([from, to]) => at >= from - LEAD_MS && at < to)) return;
    const next = this.spoken.find(([from]) => from - LEAD_MS > at);
    if (next && next[0] - LEAD_MS - at > STEP_MS * 4) this.place(next[0] - LEAD_MS);
  }

  play() {
    if (this.clock.over) this.place(0);
    this.clock.play();
    this.step();
  }

  pause() {
    this.clock.pause();
    this.heard.stop(this.clock.position());
    for (const take of this.takes) take.video.pause();
    this.#show(this.clock.position());
  }

  toggle() {
    if (this.clock.running) this.pause();
    else this.play();
  }

  place(ms) {
    this.heard.stop(this.clock.position());
    this.clock.seek(ms);
    this.lateSince = null;
    for (const take of this.takes) take.place(this.clock.position());
    this.#show(this.clock.position());
  }

  setSpeed(factor) {
    this.clock.speed = factor;
    this.root.querySelector("[data-speed]").value = String(factor);
  }

  jump(direction) {
    const at = this.clock.position();
    const times = this.events.map((event) => Number(event.dataset.event));
    const next =
      direction > 0 ? times.find((t) => t > at + 200) : times.findLast((t) => t < at - (this.clock.running ? 1500 : 200));
    if (next !== undefined) this.place(next);
  }

  #waitForAll(at) {
    const late = this.takes.filter((take) => !take.ready(at));
    this.lateSince = late.length ? (this.lateSince ?? performance.now()) : null;
    if (this.lateSince !== null && performance.now() - this.lateSince > PATIENCE_MS) {
      for (const take of late) take.broken = true;
    }
    this.clock.held = late.some((take) => !take.broken);
  }

  // Starting takes a browser a moment, and its sound card has a speed of its own: when even the foremost take
  // is behind, the clock goes back to it rather than all takes being hurried.
  #followLeader(at) {
    const drifts = this.takes.map((take) => take.drift(at)).filter((drift) => drift !== null);
    const lead = Math.max(...drifts);
    if (drifts.length && lead < 0 && lead > -LEADER_MS) this.clock.seek(at + lead);
  }

  #controls() {
    const on = (name, act) => this.root.querySelector(`[data-${name}]`).addEventListener("click", act);
    on("play", () => this.toggle());
    on("back", () => this.place(this.clock.position() - SKIP_MS));
    on("ahead", () => this.place(this.clock.position() + SKIP_MS));
    on("previous", () => this.jump(-1));
    on("next", () => this.jump(1));
    this.seekBar.addEventListener("input", () => this.place(Number(this.seekBar.value)));
    const speed = this.root.querySelector("[data-speed]");
    speed.addEventListener("change", () => this.setSpeed(Number(speed.value)));
    for (const element of this.root.querySelectorAll("[data-scripted]")) element.hidden = false;
    for (const element of this.root.querySelectorAll("[data-unscripted]")) element.hidden = true;
  }

  #eventButtons() {
    for (const item of this.events) {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "event-jump";
      button.append(...item.childNodes);
      button.addEventListener("click", () => this.place(Number(item.dataset.event)));
      item.append(button);
    }
  }

  #key(event) {
    const field = event.target.closest("input, select, textarea, button");
    if (event.altKey || event.ctrlKey || event.metaKey || field?.matches("select, textarea")) return;
    const keys = {
      " ": () => this.toggle(),
      k: () => this.toggle(),
      j: () => this.place(this.clock.position() - SKIP_MS),
      l: () => this.place(this.clock.position() + SKIP_MS),
      ArrowLeft: () => this.place(this.clock.position() - SKIP_MS),
      ArrowRight: () => this.place(this.clock.position() + SKIP_MS),
      p: () => this.jump(-1),
      n: () => this.jump(1),
      Home: () => this.place(0),
      End: () => this.place(this.clock.durationMs),
      1: () => this.setSpeed(1),
      2: () => this.setSpeed(2),
    };
    if (!(event.key in keys) || (event.key === " " && field?.matches("button"))) return;
    event.preventDefault();
    keys[event.key]();
  }

  #show(at) {
    const { root, clock } = this;
    const state = !clock.running ? "standing" : clock.held ? "waiting" : "running";
    if (root.dataset.state !== state) {
      root.dataset.state = state;
      const button = root.querySelector("[data-play]");
      button.querySelector("[data-label]").textContent =
        state === "standing" ? button.dataset.labelPlay : button.dataset.labelPause;
      root.querySelector("[data-waiting]").hidden = state !== "waiting";
    }
    root.querySelector("[data-now]").textContent = clockText(at);
    this.seekBar.value = String(Math.round(at));
    this.seekBar.setAttribute("aria-valuetext", `${clockText(at)} / ${clockText(clock.durationMs)}`);
    root.querySelector("[data-head]")?.setAttribute("x", String((1000 * at) / clock.durationMs));
    for (const person of this.people) person.show(at);
    this.#markEvent(at);
  }

  #markEvent(at) {
    const now = this.events.findLast((item) => Number(item.dataset.event) <= at + 50);
    for (const item of this.events) {
      if (item === now) item.setAttribute("aria-current", "time");
      else item.removeAttribute("aria-current");
    }
  }
}

class Person {
  constructor(element) {
    this.element = element;
    this.takes = [...element.querySelectorAll("video")].map((video) => new Take(video));
    this.nothing = element.querySelector("[data-nothing]");
    this.failed = element.querySelector("[data-failed]");
    this.soundOnly = element.querySelector("[data-sound-only]");
    const sound = element.querySelector("[data-sound]");
    sound.addEventListener("click", () => {
      const on = sound.getAttribute("aria-pressed") !== "true";
      sound.setAttribute("aria-pressed", String(on));
      for (const take of this.takes) take.video.muted = !on;
    });
  }

  show(at) {
    const take =
      this.takes.find((candidate) => candidate.covers(at)) ??
      this.takes.find((candidate) => candidate.covers(at + INSTANT_MS));
    for (const other of this.takes) other.video.hidden = other !== take;
    this.nothing.hidden = take !== undefined;
    this.failed.hidden = !take?.broken;
    if (this.soundOnly) this.soundOnly.hidden = take === undefined || take.broken;
    const drift = take?.drift(at);
    if (drift === null || drift === undefined) delete this.element.dataset.drift;
    else this.element.dataset.drift = String(Math.round(drift));
  }
}

for (const root of document.querySelectorAll("[data-playback]")) {
  const player = new Player(root);
  const notes = root.querySelector("[data-notes]");
  if (notes) {
    new Notes(notes, { position: () => player.clock.position(), place: (ms) => player.place(ms), face: clockText });
  }
}

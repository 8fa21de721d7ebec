// The live page of relatives and terminals: check, lobby, call and end, without a reload in between.

import { Check } from "./check.js";
import { Countdown } from "./clock.js";
import { Connection } from "./connection.js";
import { Lobby } from "./lobby.js";
import { Call } from "./talk.js";
import { keepAwake } from "./devices.js";
import { $, page, show, text, write } from "./page.js";

const ENTERED = `kinbridge-entered-${page.booking}`;
const STEPS = ["check", "lobby", "call", "ended"];

class Visit {
  constructor() {
    this.clock = new Countdown();
    this.check = new Check();
    this.connection = new Connection(page.ticket, page.reconnectMs);
    this.lobby = new Lobby(this.clock);
    this.call = new Call(this.clock, this.connection);
    this.check.addEventListener("devices", ({ detail }) => this.#devices(detail));
    this.connection.addEventListener("state", ({ detail }) => this.#state(detail));
    this.connection.addEventListener("status", ({ detail }) => this.#status(detail));
    this.connection.addEventListener("ended", ({ detail }) => this.#ended(detail));
    for (const id of ["enter", "enter-here", "enter-again", "enter-retry", "lost-again"]) {
      $(id).addEventListener("click", () => this.enter());
    }
    $("leave-sure").addEventListener("click", () => this.#leave());
    setInterval(() => this.#tick(), 200);
  }

  async begin() {
    if (page.over) this.#ended({ text: page.over });
    else if (sessionStorage.getItem(ENTERED)) await this.enter();
    else this.goto("check");
  }

  // To the lobby, and through it into the call. The devices of the check are used as they are.
  async enter() {
    sessionStorage.setItem(ENTERED, "1");
    this.goto("lobby");
    this.lobby.coming();
    if (!this.check.stream.getTracks().length) await this.check.openDevices();
    this.check.stopMeter();
    this.connection.use(this.check.stream);
    this.lobby.preview(this.check.stream);
    this.call.preview(this.check.stream);
    this.connection.start();
    keepAwake();
  }

  goto(step) {
    if (document.body.dataset.step === step) return;
    document.body.dataset.step = step;
    document.documentElement.dataset.face = step === "call" ? "night" : "family";
    for (const name of STEPS) show($(`step-${name}`), name === step);
    show($("steps"), step !== "call");
    const now = STEPS.indexOf(step);
    for (const [index, item] of [...$("steps").querySelectorAll("li")].entries()) {
      item.classList.toggle("step--done", index < now);
      item.classList.toggle("step--now", index === now);
      if (index === now) item.setAttribute("aria-current", "step");
      else item.removeAttribute("aria-current");
    }
    write($("steps-words"), text("steps.words", { step: now + 1, steps: STEPS.length }));
    $(`step-${step}`).querySelector("[data-heading]")?.focus({ preventScroll: true });
    scrollTo(0, 0);
  }

  #devices({ camera, microphone }) {
    show($("enter-part"), !camera || !microphone);
    write($("enter-note"), text(microphone ? "enter.noSound" : camera ? "enter.noPicture" : "enter.note"));
    this.connection.devices({ camera: !camera, microphone: !microphone });
  }

  #state(state) {
    this.clock.set(state.clock);
    const me = state.people.find((person) => person.you);
    if (state.phase === "ended") return;
    const inside = (state.phase === "live" || state.phase === "paused") && me?.state === "admitted";
    this.goto(inside ? "call" : "lobby");
    if (inside) this.call.update(state, me);
    else this.lobby.update(state, me);
  }

  #status(status) {
    this.call.status(status);
    this.lobby.status(status);
    if (status.state === "final" && status.code !== "visit-over") this.#stopped(status);
    if (status.state === "final" && status.code === "visit-over") this.#ended(status);
  }

  #tick() {
    this.lobby.tick();
    this.call.tick();
  }

  #ended({ text: words = "", used_ms: used }) {
    if (document.body.dataset.step === "ended") return;
    this.#finish("over");
    if (words) write($("ended-text"), words);
    show($("ended-used"), used > 0);
    if (used > 0) write($("ended-used"), text("ended.used", { minutes: Math.max(1, Math.round(used / 60000)) }));
  }

  #leave() {
    this.connection.stop();
    this.#finish("left");
  }

  // Somebody or something else keeps us out: another tab, an officer, the rules.
  #stopped({ code, text: words }) {
    this.#finish(code === "elsewhere" ? "elsewhere" : code === "sign-in-needed" ? "signedOut" : "refused");
    if (code !== "elsewhere" && words) write($("ended-text"), words);
  }

  #finish(kind) {
    this.goto("ended");
    this.check.close();
    this.call.close();
    this.connection.close();
    sessionStorage.removeItem(ENTERED);
    write($("ended-title"), text(`ended.${kind}.title`));
    write($("ended-text"), text(`ended.${kind}.text`));
    write($("ended-next"), text(`ended.${kind}.next`));
    show($("enter-again"), kind === "left");
    show($("enter-here"), kind === "elsewhere");
    show($("sign-in"), kind === "signedOut");
  }
}

new Visit().begin();

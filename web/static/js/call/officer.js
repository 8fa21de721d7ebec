// The officer's live page: everybody seen and heard, every power at hand, everything written on the timeline.

import { Countdown, face } from "./clock.js";
import { Connection } from "./connection.js";
import { CHIME, begin, keepAwake, play } from "./devices.js";
import { Keys } from "./keys.js";
import { $, list, page, show, text, write } from "./page.js";
import { Powers } from "./powers.js";
import { Seats } from "./seats.js";
import { Timeline } from "./timeline.js";

class Desk {
  constructor() {
    this.clock = new Countdown();
    this.connection = new Connection(page.ticket, page.reconnectMs);
    this.timeline = new Timeline($("timeline"), page.now);
    this.seats = new Seats($("seats"), (act, fields) => this.powers.act(act, fields));
    this.powers = new Powers(this.connection, this.timeline);
    this.keys = new Keys({ powers: this.powers, seats: this.seats });
    this.recording = { running: false, seconds: 0, at: 0 };
    for (const type of ["welcome", "state", "status", "notice", "ended", "media", "measured"]) {
      this.connection.addEventListener(type, ({ detail }) => this[`on_${type}`](detail));
    }
    this.connection.addEventListener("line", ({ detail }) => this.#line(detail));
    this.connection.addEventListener("announce", ({ detail }) => this.#announce(detail.stream));
    $("hear-now").addEventListener("click", () => this.#hear());
    $("take-over").addEventListener("click", () => this.connection.start());
    $("lost-again").addEventListener("click", () => this.connection.start());
    setInterval(() => this.#tick(), 250);
  }

  begin() {
    if (page.over) {
      this.on_ended({ text: page.over });
      return;
    }
    this.connection.start();
    keepAwake();
  }

  on_welcome(welcome) {
    this.powers.offer(welcome);
    this.seats.allow(welcome.acts);
    this.seats.proofs(welcome.proofs ?? []);
  }

  on_state(state) {
    this.clock.set(state.clock);
    this.timeline.compare(this.state, state);
    this.state = state;
    this.recording = { ...state.recording, at: performance.now() };
    const people = state.people.filter((person) => person.role !== "monitor");
    this.seats.update(people, state);
    this.powers.update(state, people);
    $("desk").dataset.phase = state.phase;
    write($("phase-word"), text(`phase.${state.phase}`));
    const why = state.pause ? [state.pause.text] : state.waiting.map((reason) => text(`waiting.${reason}`));
    show($("waiting"), why.length > 0);
    write($("waiting-text"), why.join(" · "));
    const others = state.people.filter((person) => person.role === "monitor" && !person.you);
    show($("colleagues"), others.length > 0);
    if (others.length) write($("colleagues-text"), text("desk.colleagues", { names: list(others.map((o) => o.name)) }));
    this.#tick();
  }

  on_status({ state, code, text: words }) {
    const asleep = state === "asleep" && Boolean(code);
    show($("lost"), state === "lost" || asleep);
    write($("lost-text"), text(asleep ? "lost.asleep" : "desk.lost"));
    show($("lost-again"), asleep);
    if (state === "lost") {
      if (this.linked) this.timeline.add(text("event.lost"), "yellow");
      write($("phase-word"), text("phase.lost"));
    }
    this.linked = state === "open";
    if (state === "final") this.#final(code, words);
    if (state === "early") this.#message(text("desk.early"), words);
    if (state === "open") show($("message"), false);
    this.powers.enable(state === "open");
  }

  on_notice({ notice, text: words, seat }) {
    if (notice === "paused" || notice === "resumed") return; // the states that follow tell it with its reason
    const tone = { warning: "yellow", help: "red", recorder: "red", extended: "green" }[notice] ?? "grey";
    const name = this.seats.nameOf(seat);
    this.timeline.add(name && notice === "warning" ? `${name}: ${words}` : words, tone, text(`notice.${notice}`));
    if (notice === "help" || notice === "recorder") {
      show($("alarm"), true);
      write($("alarm-text"), words);
      clearTimeout(this.calm);
      this.calm = setTimeout(() => show($("alarm"), false), 30000);
    }
    if (notice !== "officer") play(CHIME).catch(() => undefined);
  }

  on_ended({ text: words }) {
    this.timeline.add(words, "grey", text("phase.ended"));
    this.#message(text("desk.over"), words);
    $("desk").dataset.phase = "ended";
    write($("phase-word"), text("phase.ended"));
    show($("playback"), true);
    this.seats.close();
    this.connection.close();
    this.powers.enable(false);
  }

  on_measured({ people }) {
    this.seats.measured(people);
  }

  on_media({ state }) {
    const bad = state === "disconnected" || state === "failed";
    show($("media-lost"), bad);
  }

  #final(code, words) {
    if (code === "visit-over") {
      if ($("desk").dataset.phase !== "ended") this.on_ended({ text: words || text("desk.over") });
      return;
    }
    this.#message(code === "elsewhere" ? text("desk.elsewhere") : text("desk.refused"), words);
    show($("take-over"), code === "elsewhere");
    this.seats.close();
  }

  #message(title, words = "") {
    show($("message"), true);
    write($("message-title"), title);
    write($("message-text"), words);
    show($("take-over"), false);
  }

  async #line({ line, stream }) {
    if (!(await this.seats.attach(line, stream))) show($("hear-now"), true);
  }

  async #announce(stream) {
    $("announce").srcObject = stream;
    if (!(await begin($("announce")))) show($("hear-now"), true);
  }

  async #hear() {
    const seats = await this.seats.playAll();
    show($("hear-now"), !(seats && (await begin($("announce")))));
  }

  #tick() {
    if (!this.state || this.state.phase === "ended") return;
    const left = this.clock.remaining;
    write($("remaining"), face(left));
    $("remaining").dataset.hurry = left <= 120000 ? "last" : left <= 300000 ? "soon" : "no";
    const since = this.recording.running ? performance.now() - this.recording.at : 0;
    const recorded = this.recording.seconds * 1000 + since;
    write($("recorded"), recorded > 0 ? face(recorded) : "–");
    write($("talked"), face(Math.max(0, this.state.clock.granted_ms - left)));
    $("recording").dataset.running = this.recording.running;
    $("recording").dataset.behind = Boolean(this.recording.behind);
    const how = this.recording.behind ? "behind" : this.recording.running ? "recording" : "notRecording";
    write($("recording-word"), text(`desk.${how}`));
    const start = this.clock.untilStart;
    show($("starts"), start > 0);
    if (start > 0) write($("starts-text"), text("desk.startsIn", { time: face(start) }));
  }
}

new Desk().begin();

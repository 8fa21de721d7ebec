// The lobby: whom we are waiting for, in the order in which it happens, and when it begins.

import { face } from "./clock.js";
import { begin } from "./devices.js";
import { $, list, page, show, text, write } from "./page.js";

// The steps of the list and the waiting reason that keeps each open.
const REASONS = {
  other: null, inmate: "for-inmate", officer: "for-officer", admission: "for-admission", start: "for-start", recorder: "for-recorder",
};

export class Lobby {
  constructor(clock) {
    this.clock = clock;
    this.other = page.other ?? (page.role === "inmate" ? "for-family" : "for-inmate");
    this.awaits = page.awaits ?? (page.role === "inmate" ? "family" : "inmate"); // whom the title names
  }

  coming() {
    write($("lobby-title"), text("lobby.coming"));
  }

  preview(stream) {
    const video = $("lobby-preview");
    const [track] = stream.getVideoTracks();
    show(video, Boolean(track));
    show($("lobby-blank"), !track);
    if (!track) return;
    video.srcObject = new MediaStream([track]);
    begin(video);
  }

  update(state, me) {
    const late = state.phase !== "lobby";
    const waiting = new Set(state.waiting);
    const admitted = me?.state === "admitted";
    if (late && !admitted) waiting.add("for-admission");
    write($("lobby-title"), this.#title(waiting, admitted, late));
    let before = false; // the recorder is started last: as long as anything else is open, so is it
    for (const [name, reason] of Object.entries(REASONS)) {
      const open = waiting.has(reason ?? this.other) || (name === "admission" && !admitted);
      if (!$(`wait-${name}`)) continue; // not every room has every step
      $(`wait-${name}`).dataset.state = open || (name === "recorder" && before) ? "open" : "done";
      before ||= open;
    }
    this.#now();
    const others = state.people.filter((person) => !person.you);
    const here = others.filter((person) => person.connected).map((person) => person.name);
    show($("lobby-here"), here.length > 0);
    if (here.length) write($("lobby-here"), text("lobby.here", { names: list(here) }));
  }

  // What the socket says: too early, lost, given up.
  status({ state, code, params }) {
    if (state === "early") write($("lobby-title"), text("lobby.early", { time: this.#moment(params.opens_at) }));
    const asleep = state === "asleep" && Boolean(code);
    show($("lobby-lost"), state === "lost" || asleep);
    write($("lobby-lost-text"), text(asleep ? "lost.asleep" : "lost.lobby"));
    show($("enter-retry"), asleep);
  }

  tick() {
    if (document.body.dataset.step !== "lobby") return;
    const left = this.clock.untilStart;
    show($("lobby-countdown"), left > 0);
    if (left > 0) write($("lobby-countdown"), text("lobby.startsIn", { time: face(left) }));
  }

  // In the time of the prison, as it stands in the letter.
  #moment(iso) {
    const shape = { weekday: "short", hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZone: page.zone };
    return new Intl.DateTimeFormat(document.documentElement.lang, shape).format(new Date(iso));
  }

  #title(waiting, admitted, late) {
    if (late) return text("lobby.late");
    if (waiting.has(this.other)) return text(`lobby.title.${this.awaits}`);
    if (page.then && waiting.has("for-inmate")) return text(`lobby.title.${page.then}`);
    if (waiting.has("for-officer")) return text("lobby.title.officer");
    if (!admitted) return text("lobby.title.admission");
    if (waiting.has("for-admission")) return text("lobby.title.others");
    if (waiting.has("for-start")) return text("lobby.title.start");
    return text(waiting.has("for-recorder") ? "lobby.title.recorder" : "lobby.title.soon");
  }

  // The first open step is the one we are at.
  #now() {
    const open = [...$("waits").querySelectorAll("[data-state=open]")];
    for (const item of $("waits").children) item.removeAttribute("aria-current");
    open[0]?.setAttribute("aria-current", "step");
    for (const item of $("waits").children) {
      const word = item.dataset.state === "done" ? "done" : item === open[0] ? "now" : "later";
      write(item.querySelector(".wait-word"), text(`lobby.word.${word}`));
    }
  }
}

// What has happened, as it happens: found by comparing each state with the one before it.

import { $, text } from "./page.js";

export class Timeline {
  // `now`: the server's time when the page was made, so that a wrong clock of this machine does no harm.
  constructor(container, now) {
    this.container = container;
    this.offset = Date.parse(now) - performance.now();
    this.format = new Intl.DateTimeFormat(document.documentElement.lang, {
      hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23", timeZone: container.dataset.zone,
    });
  }

  add(words, tone = "grey", label = "") {
    if (!words) return;
    const item = document.createElement("li");
    item.className = `event event--${tone}`;
    const moment = new Date(performance.now() + this.offset);
    const when = document.createElement("time");
    when.dateTime = moment.toISOString();
    when.textContent = this.format.format(moment);
    item.append(when);
    if (label) {
      const kind = document.createElement("span");
      kind.className = "event-kind";
      kind.textContent = label;
      item.append(kind);
    }
    const said = document.createElement("span");
    said.className = "event-text";
    said.textContent = words;
    item.append(said);
    this.container.append(item);
    const frame = $("timeline-frame");
    frame.scrollTop = frame.scrollHeight;
  }

  // `before` is null at the first state: what stands then was on the page already.
  compare(before, after) {
    if (!before) return;
    if (before.phase !== after.phase) {
      const words = after.phase === "paused" ? (after.pause?.text ?? "") : "";
      this.add(words || text(`phaseNow.${after.phase}`), after.phase === "live" ? "green" : "yellow", text(`phase.${after.phase}`));
    }
    if (before.recording.running !== after.recording.running) {
      const running = after.recording.running;
      this.add(text(running ? "event.recording" : "event.notRecording"), running ? "green" : "red");
    }
    for (const person of after.people) {
      const was = before.people.find((other) => other.seat === person.seat);
      this.#person(was ?? { ...person, connected: false, state: "away", muted: false, speaking_in: false }, person);
    }
  }

  #person(was, is) {
    const name = is.name;
    if (was.connected !== is.connected) {
      this.add(text(is.connected ? "event.came" : "event.went", { name }), is.connected ? "green" : "yellow");
    }
    if (was.state !== is.state && ["admitted", "lobby", "removed"].includes(is.state)) {
      if (was.state !== "away" || is.state !== "lobby") {
        this.add(text(`event.${is.state}`, { name }), is.state === "admitted" ? "green" : "yellow");
      }
    }
    if (was.muted !== is.muted) this.add(text(is.muted ? "event.muted" : "event.unmuted", { name }), "yellow");
    if (was.speaking_in !== is.speaking_in) {
      this.add(text(is.speaking_in ? "event.speaks" : "event.silent", { name }), "grey");
    }
  }
}

// One call as a tile: pictures, who is there and how they are connected, time left, recorded against talked.

import { Countdown, face } from "../call/clock.js";
import { copy, list, show, text, write } from "../call/page.js";

const SPEAKS = 50; // -dBov; quieter than that is a room
const BEHIND = 3000; // ms by which a recording may be shorter than the talk

export class Tile {
  constructor(row, { chosen }) {
    Object.assign(this, copy("tile"));
    this.clock = new Countdown();
    this.end = "family";
    this.inSight = false;
    this.choose.addEventListener("click", () => chosen(this));
    for (const video of [this.one, this.two]) {
      video.addEventListener("unshown", () => this.#cover(text("wall.otherCoding")));
      video.addEventListener("playing", () => this.#cover(""));
    }
    this.update(row);
  }

  update(row) {
    this.row = row;
    write(this.names, `${row.inmate} ⇄ ${list(row.family)}`);
    this.draw();
  }

  // `call`: the seat in it, or null while somebody else's.
  supervise(call) {
    this.call = call;
    this.draw();
  }

  draw() {
    const { row, call } = this;
    const state = call?.open ? call.state : null;
    this.tile.dataset.situation = state ? (state.phase === "lobby" ? row.situation : state.phase) : row.situation;
    this.tile.dataset.mine = row.mine;
    this.tile.dataset.why = row.mine ? row.why : "";
    write(this.officer, row.mine ? row.hint : row.officer ? text("wall.theirs", { name: row.officer }) : text("wall.notYours"));
    if (state) this.#live(state);
    else this.#board(row);
    this.tick();
  }

  tick() {
    const state = this.call?.open ? this.call.state : null;
    const minutes = this.row.minutes_till;
    if (!state) {
      write(this.left, minutes > 0 ? text("wall.later", { n: minutes }) : minutes < 0 ? text("wall.late", { n: -minutes }) : "");
      write(this.tape, this.row.place);
      return;
    }
    const left = this.clock.remaining;
    write(this.left, this.clock.untilStart > 0 ? face(this.clock.untilStart) : face(left));
    this.left.dataset.hurry = left <= 120000 ? "last" : left <= 300000 ? "soon" : "no";
    const talked = Math.max(0, state.clock.granted_ms - left);
    const since = state.recording.running ? performance.now() - this.call.stateAt : 0;
    const recorded = state.recording.seconds * 1000 + since;
    const behind = state.phase === "live" && (!state.recording.running || state.recording.behind || recorded + BEHIND < talked);
    this.tape.dataset.behind = behind;
    write(this.tape, state.phase === "lobby" ? this.row.place
      : behind ? text(state.recording.running ? "wall.behind" : "wall.noRecord")
        : `${text("wall.talked", { time: face(talked) })} · ${text("wall.recorded", { time: face(recorded) })}`);
  }

  // The level of each voice and the quality of each line, in words and as a bar.
  measured() {
    for (const item of this.people.children) {
      const figures = this.call?.figures.get(item.dataset.seat);
      const level = figures?.level ?? 127;
      item.dataset.speaks = level < SPEAKS;
      item.querySelector("meter").value = Math.max(0, 100 - level);
    }
  }

  #live(state) {
    this.clock.set(state.clock);
    const waiting = state.people.find((one) => one.state === "lobby" && one.connected);
    write(this.state, state.pause ? state.pause.text : waiting ? text("wall.waits", { name: waiting.name })
      : state.waiting.length ? state.waiting.map((reason) => text(`waiting.${reason}`)).join(" · ") : text(`wall.phase.${state.phase}`));
    const people = state.people.filter((one) => one.role !== "monitor" && one.state !== "removed");
    if (this.people.childElementCount !== people.length) this.people.replaceChildren(...people.map(() => this.#person()));
    people.forEach((one, place) => {
      const item = this.people.children[place];
      item.dataset.seat = one.seat;
      const missing = one.missing?.[0];
      item.dataset.quality = missing ? "missing" : one.connected ? one.quality : "unknown";
      write(item.querySelector(".wtile-who"), one.name);
      write(item.querySelector(".wtile-quality"), missing ? text(`wall.missing.${missing}`) : text(`wall.quality.${one.connected ? one.quality : "unknown"}`));
    });
  }

  #board(row) {
    this.people.replaceChildren();
    write(this.state, this.call?.over === "elsewhere" ? text("wall.elsewhere")
      : this.call && !this.call.over && this.call.status === "lost" ? text("wall.lost")
        : `${row.word} · ${row.present.length ? text("wall.there", { names: list(row.present) }) : text("wall.nobody")}`);
  }

  #person() {
    const item = document.createElement("li");
    const who = document.createElement("span");
    who.className = "wtile-who";
    const level = document.createElement("meter");
    Object.assign(level, { min: 0, max: 100, value: 0 });
    level.setAttribute("aria-hidden", "true");
    const quality = document.createElement("span");
    quality.className = "wtile-quality";
    item.append(who, level, quality);
    return item;
  }

  // What its pictures show: both ends where there is room, one of them else; nothing while out of sight.
  paint(pictures, both) {
    const seen = this.inSight && this.row.open;
    const other = this.end === "family" ? "inmate" : "family";
    pictures.put(this.one, seen ? this.row.booking : null, this.end);
    pictures.put(this.two, seen && both ? this.row.booking : null, other);
    show(this.two, both);
    show(this.blank, !seen || this.blank.textContent !== "");
  }

  // Words in place of the picture; none: the picture.
  #cover(words) {
    write(this.blank, words);
    show(this.blank, !(this.inSight && this.row.open) || words !== "");
  }
}

// The others' pictures: one tile per line, with name, what is switched off, and how they are connected.

import { begin } from "./devices.js";
import { copy, show, text, write } from "./page.js";

export class Faces {
  // `blocked(true)` is called when the browser wants a touch before it plays sound.
  constructor(container, { blocked = () => undefined, template = "face" } = {}) {
    Object.assign(this, { container, blocked, template });
    this.tiles = new Map();
    this.streams = new Map();
  }

  // A line's stream came (anew): after a reconnection it replaces the old one, whose last picture stood.
  attach(line, stream) {
    this.streams.set(line, stream);
    const tile = this.#tile(line);
    tile.video.srcObject = stream;
    this.#play(tile);
  }

  // `people`: those of the state that have a line, in the order of the lines. Further tiles go away.
  update(people) {
    const present = people.filter((person) => person.line !== null);
    this.container.dataset.count = present.length;
    for (const person of present) this.#describe(this.#tile(person.line), person);
    for (const [line, tile] of this.tiles) {
      const stays = present.some((person) => person.line === line);
      show(tile.self, stays);
      if (!stays) delete tile.self.dataset.seat;
    }
  }

  // After a touch: every tile is started again (iOS and WeChat show nothing before).
  async playAll() {
    const started = await Promise.all([...this.tiles.values()].map((tile) => this.#play(tile)));
    return started.every(Boolean);
  }

  tileOf(seat) {
    return [...this.tiles.values()].find((tile) => tile.self.dataset.seat === seat);
  }

  #tile(line) {
    let tile = this.tiles.get(line);
    if (tile) return tile;
    tile = copy(this.template);
    tile.self.dataset.line = line;
    tile.self.hidden = true;
    this.tiles.set(line, tile);
    // Kept in the order of the lines, which is the order of the people for a screen reader too.
    const after = [...this.tiles.keys()].filter((other) => other > line).sort((a, b) => a - b)[0];
    this.container.insertBefore(tile.self, after === undefined ? null : this.tiles.get(after).self);
    tile.video.addEventListener("resize", () => this.#shape(tile.video));
    if (this.streams.has(line)) tile.video.srcObject = this.streams.get(line);
    return tile;
  }

  #shape(video) {
    if (video.videoWidth) video.style.setProperty("--aspect", video.videoWidth / video.videoHeight);
  }

  async #play(tile) {
    if (!tile.video.srcObject) return true;
    const started = await begin(tile.video);
    if (!started) this.blocked(true);
    return started;
  }

  #describe(tile, person) {
    const flags = tile.self.dataset;
    flags.seat = person.seat;
    flags.camera = person.camera;
    flags.connected = person.connected;
    flags.quality = person.quality;
    flags.picture = person.picture;
    write(tile.name, person.name);
    write(tile.initial, [...person.name][0] ?? "");
    write(tile.note, noteOf(person));
    show(tile.note, tile.note.textContent !== "");
    show(tile.blank, !person.camera || !person.connected);
  }
}

// What has to be said about a person, the most important first; empty when all is well.
export function noteOf(person) {
  if (!person.connected) return text("face.away");
  if (person.muted) return text("face.muted");
  if (!person.microphone && !person.camera) return text("face.bothOff");
  if (!person.microphone) return text("face.microphoneOff");
  if (!person.camera) return text("face.cameraOff");
  if (person.because && person.because !== "yours") return text(`fit.${person.because}.${SIZES[person.picture]}`);
  return person.quality === "poor" ? text("face.poor") : "";
}

// How the pictures of the ladder are spoken of.
const SIZES = { "720p": "small", "360p": "small", "180p": "small", still: "still", sound: "sound" };
const WORST = ["small", "still", "sound"];

// What has to be said of my own line: the worst that it does to what I send or get; empty when nothing.
export function fitWords(people) {
  const mine = people.filter((person) => person.because === "yours").map((person) => WORST.indexOf(SIZES[person.picture]));
  return mine.length ? text(`fit.yours.${WORST[Math.max(...mine)]}`) : "";
}

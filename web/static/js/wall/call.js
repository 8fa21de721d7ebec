// One call that this officer supervises from the wall: a seat like that of the desk, that listens only when told to
// and leaves the pictures to the wall.

import { Connection } from "../call/connection.js";
import { begin, microphone } from "../call/devices.js";
import { text } from "../call/page.js";
import { MORE } from "../call/powers.js";

export class Call extends EventTarget {
  constructor(booking) {
    super();
    this.booking = booking;
    this.figures = new Map(); // seat -> the last second's
    this.sounds = new Map(); // line -> <audio>
    this.hears = false;
    this.connection = new Connection(`/api/v1/visits/${booking}/ticket`, 3600000);
    this.connection.addEventListener("welcome", ({ detail }) => this.#welcomed(detail));
    this.connection.addEventListener("state", ({ detail }) => this.#stated(detail));
    this.connection.addEventListener("measured", ({ detail }) => this.#measured(detail.people));
    this.connection.addEventListener("notice", ({ detail }) => this.#pass("notice", detail));
    this.connection.addEventListener("line", ({ detail }) => this.#line(detail));
    this.connection.addEventListener("ended", () => this.#over("ended"));
    this.connection.addEventListener("status", ({ detail }) => {
      this.status = detail.state;
      if (detail.state === "final") this.#over(detail.code);
      this.#pass("changed");
    });
    this.connection.start();
  }

  // Whether what the officer does here reaches the call.
  get open() {
    return this.status === "open" && !this.over;
  }

  get paused() {
    return this.state?.pause?.reason === "by-officer";
  }

  // How much longer it may be made, as choices.
  get lengths() {
    const left = this.welcome.most_minutes - Math.round((this.state?.clock.granted_ms ?? 0) / 60000);
    return MORE.filter((minutes) => minutes <= left).map((minutes) => ({ code: minutes, text: text("power.more", { n: minutes }) }));
  }

  listen(hears) {
    this.hears = hears;
    this.connection.send({ type: "look", sound: hears, pictures: false });
    for (const sound of this.sounds.values()) {
      sound.muted = !hears;
      if (hears) begin(sound);
    }
  }

  act(name, fields = {}) {
    return this.connection.act(name, fields);
  }

  // Push once to speak, once more to stop.
  async speak() {
    if (this.track) {
      await this.act("silence").catch(() => undefined);
      await this.connection.publish("audio", null);
      this.track.stop();
      this.track = null;
      return;
    }
    this.track = await microphone();
    await this.connection.publish("audio", this.track);
    await this.act("speak");
  }

  close() {
    this.connection.close();
    for (const sound of this.sounds.values()) sound.srcObject = null;
    this.track?.stop();
  }

  #welcomed(welcome) {
    this.welcome = welcome;
    this.over = null;
    this.connection.send({ type: "look", sound: this.hears, pictures: false });
    this.#pass("changed");
  }

  #stated(state) {
    this.state = state;
    this.stateAt = performance.now();
    this.#pass("changed");
  }

  #measured(people) {
    for (const one of people) this.figures.set(one.seat, one);
    this.#pass("measured");
  }

  #line({ line, stream }) {
    const sound = this.sounds.get(line) ?? document.createElement("audio");
    this.sounds.set(line, sound);
    sound.muted = !this.hears;
    sound.srcObject = stream;
    begin(sound);
  }

  #over(code) {
    this.over = code;
    this.close();
    this.#pass("changed");
  }

  #pass(type, detail = null) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

// The officer's powers in one row: warn, speak in, pause and resume, mark, end. One panel is open at a time.

import { microphone } from "./devices.js";
import { $, show, text, write } from "./page.js";

const PANELS = ["warn", "pause", "mark", "extend", "end"];
export const MORE = [5, 10, 15, 20, 30]; // minutes that can be given at once

export class Powers {
  constructor(connection, timeline) {
    Object.assign(this, { connection, timeline, open: null, speaking: false, track: null, barred: new Set() });
    for (const name of PANELS) {
      $(`power-${name}`).addEventListener("click", () => this.toggle(name));
      $(`panel-${name}`).querySelector("[data-close]").addEventListener("click", () => this.close());
    }
    $("power-speak").addEventListener("click", () => this.speak());
    $("warn-form").addEventListener("submit", (event) => this.#warnText(event));
    $("mark-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#mark("", "");
    });
    $("end-form").addEventListener("submit", (event) => this.#end(event));
  }

  // The prison's one-tap texts and reasons, as `welcome` brings them.
  offer({ acts, warnings = [], reasons = [], marks = [], most_minutes: most = 0 }) {
    this.most = most;
    this.barred = new Set(acts ? [...PANELS, "speak"].filter((name) => !acts.includes(name)) : []);
    for (const name of [...PANELS, "speak"]) show($(`power-${name}`), !this.barred.has(name));
    show($("warn-aloud").closest("label"), !this.barred.has("speak")); // no sound goes into a closed room
    this.#choices($("warnings"), warnings, (code) => this.#warn({ warning: code, text: "" }));
    this.#choices($("pause-reasons"), reasons, (code) => this.#pause(code));
    this.#choices($("marks"), marks, (code, words) => this.#mark(code, words));
    for (const select of [$("end-reason"), $("remove-reason")]) {
      select.replaceChildren(...reasons.map(({ code, text: words }) => new Option(words, code)));
    }
  }

  update(state, people) {
    this.state = state;
    this.pausedByOfficer = state.pause?.reason === "by-officer";
    write($("power-pause").querySelector("[data-word]"), text(this.pausedByOfficer ? "power.resume" : "power.pause"));
    $("power-pause").disabled = !["live", "paused"].includes(state.phase);
    $("power-pause").dataset.on = this.pausedByOfficer;
    $("power-extend").disabled = $("power-pause").disabled;
    this.speaking = state.people.some((person) => person.you && person.speaking_in);
    $("power-speak").setAttribute("aria-pressed", String(this.speaking));
    write($("power-speak").querySelector("[data-word]"), text(this.speaking ? "power.silence" : "power.speak"));
    this.#targets(people);
  }

  enable(enabled) {
    for (const button of $("powers").querySelectorAll("button")) button.disabled = !enabled;
    if (enabled && this.state) this.update(this.state, this.people ?? []);
    if (!enabled) this.close();
  }

  // By key, too: what this officer cannot do here would cost them the connection, and the call its officer.
  toggle(name) {
    if (this.barred.has(name)) return;
    if (name === "pause" && this.pausedByOfficer) this.act("resume");
    else if (this.open === name) this.close();
    else this.#show(name);
  }

  close() {
    if (!this.open) return;
    show($(`panel-${this.open}`), false);
    $(`power-${this.open}`).setAttribute("aria-expanded", "false");
    this.open = null;
  }

  // The choice of this number in the open panel, if it has choices.
  choose(number) {
    $(`panel-${this.open}`)?.querySelectorAll("[data-choice]")[number - 1]?.click();
  }

  // Carries an act out; what is refused is said on the page and stands on the timeline.
  async act(act, fields = {}) {
    show($("refused"), false);
    try {
      await this.connection.act(act, fields);
      return true;
    } catch (error) {
      write($("refused-text"), error.text || text("desk.notSent"));
      show($("refused"), true);
      return false;
    }
  }

  // Push once to speak, once more to stop. The microphone is asked for at the first push.
  async speak() {
    if (this.barred.has("speak")) return;
    if (this.speaking) {
      await this.act("silence");
      await this.connection.publish("audio", null);
      this.track?.stop();
      return;
    }
    try {
      this.track = await microphone();
    } catch (error) {
      write($("refused-text"), text(`check.device.${error.cause}`));
      show($("refused"), true);
      return;
    }
    await this.connection.publish("audio", this.track);
    if (!(await this.act("speak"))) this.track.stop();
  }

  #show(name) {
    this.close();
    this.open = name;
    if (name === "extend") this.#lengths();
    show($(`panel-${name}`), true);
    $(`power-${name}`).setAttribute("aria-expanded", "true");
    const panel = $(`panel-${name}`);
    (panel.querySelector("[data-choice]") ?? panel.querySelector("input, select"))?.focus();
  }

  #choices(container, choices, chosen) {
    container.replaceChildren(
      ...choices.map(({ code, text: words }, index) => {
        const button = document.createElement("button");
        button.type = "button";
        button.className = "choice-button";
        button.dataset.choice = code;
        if (index < 9) {
          const key = document.createElement("kbd");
          key.textContent = index + 1;
          button.append(key);
        }
        button.append(words);
        button.addEventListener("click", () => chosen(code, words));
        return button;
      }),
    );
  }

  #targets(people) {
    this.people = people;
    const options = people.filter((person) => person.state !== "removed");
    const key = options.map((person) => person.seat + person.name).join();
    if (key === this.targetKey) return;
    this.targetKey = key;
    const chosen = $("warn-seat").value;
    $("warn-seat").replaceChildren(
      new Option(text("warn.both"), ""),
      ...options.map((person) => new Option(text("warn.only", { name: person.name }), person.seat)),
    );
    $("warn-seat").value = options.some((person) => person.seat === chosen) ? chosen : "";
  }

  #warnText(event) {
    event.preventDefault();
    const words = $("warn-text").value.trim();
    if (words) this.#warn({ warning: "text", text: words });
  }

  async #warn(fields) {
    const aloud = $("warn-aloud").checked && fields.warning !== "text";
    await this.#carry("warn", { ...fields, seat: $("warn-seat").value || null, aloud });
    $("warn-text").value = "";
  }

  // `code` and its words: one of the prepared marks; without them it is a note of one's own.
  async #mark(code, name) {
    const words = $("mark-text").value.trim();
    if (await this.#carry("mark", { reason: code || null, text: words })) {
      this.timeline.add([name, words].filter(Boolean).join(" – ") || text("event.marked"), "green", text("power.mark"));
      $("mark-text").value = "";
    }
  }

  async #pause(code) {
    const words = $("pause-text").value.trim();
    $("pause-text").value = "";
    await this.#carry("pause", { reason: code, text: words });
  }

  // How much longer it may be made, by the rules and by what was granted before.
  #lengths() {
    const left = this.most - Math.round((this.state?.clock.granted_ms ?? 0) / 60000);
    const fitting = MORE.filter((minutes) => minutes <= left);
    const choices = fitting.map((minutes) => ({ code: minutes, text: text("power.more", { n: minutes }) }));
    this.#choices($("extend-minutes"), choices, (minutes) => this.#carry("extend", { minutes }));
    show($("extend-none"), choices.length === 0);
  }

  #end(event) {
    event.preventDefault();
    this.#carry("end", { reason: $("end-reason").value, text: $("end-text").value.trim() });
  }

  // An act from a panel: the panel closes and the focus goes back to its button.
  async #carry(act, fields) {
    const from = this.open;
    this.close();
    if (from) $(`power-${from}`).focus();
    return this.act(act, fields);
  }
}

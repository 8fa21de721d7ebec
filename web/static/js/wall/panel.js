// One panel for what needs a reason: warnings, why a call is paused or ended, marks. Each has a number.

import { $, show, text, write } from "../call/page.js";

const LISTS = { warn: "warnings", pause: "reasons", end: "reasons", mark: "marks", extend: "extend" };

export class Panel {
  // `act(name, fields)` carries it out.
  constructor(act) {
    this.act = act;
    this.name = null;
    $("panel-close").addEventListener("click", () => this.close());
    $("panel-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#own();
    });
  }

  show(name, welcome) {
    if (this.name === name) return this.close();
    this.name = name;
    this.from = document.activeElement;
    write($("panel-title"), text(`wall.${name}`));
    $("choices").replaceChildren(...(welcome[LISTS[name]] ?? []).map((one, place) => this.#choice(one, place + 1)));
    show($("panel-form"), name !== "extend");
    show($("panel"), true);
    $("choices").querySelector("button")?.focus();
    return undefined;
  }

  choose(number) {
    $("choices").querySelectorAll("button")[number - 1]?.click();
  }

  close() {
    if (!this.name) return;
    this.name = null;
    show($("panel"), false);
    $("panel-text").value = "";
    this.from?.focus();
  }

  #choice({ code, text: words }, number) {
    const button = document.createElement("button");
    Object.assign(button, { type: "button", className: "choice-button" });
    const key = document.createElement("kbd");
    key.textContent = number;
    button.append(key, ` ${words}`);
    button.addEventListener("click", () => this.#done(code));
    return button;
  }

  // Words of one's own: with a warning and a mark they are enough, with a reason they stand beside the chosen one.
  #own() {
    if (this.name === "warn" || this.name === "mark") this.#done(this.name === "warn" ? "text" : "");
    else $("choices").querySelector("button")?.focus();
  }

  #done(code) {
    const { name } = this;
    const words = $("panel-text").value.trim();
    this.close();
    if (name === "extend") this.act(name, { minutes: code });
    else this.act(name, name === "warn" ? { warning: code, text: words, seat: null } : { reason: code || null, text: words });
  }
}

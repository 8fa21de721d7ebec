// The officer's keys. They rest while somebody types, and can be switched off altogether (WCAG 2.1.4).

import { $ } from "./page.js";

const STORED = "kinbridge-officer-keys";

export class Keys {
  constructor({ powers, seats }) {
    const toggle = (name) => () => powers.toggle(name);
    this.table = {
      a: () => seats.admitFirst(),
      w: toggle("warn"), p: toggle("pause"), m: toggle("mark"), e: toggle("end"), x: toggle("extend"),
      n: () => $("next-call")?.click(),
      s: () => powers.speak(),
      Escape: () => powers.close(),
    };
    for (let number = 1; number <= 9; number += 1) {
      this.table[number] = () => (powers.open ? powers.choose(number) : seats.focus(number));
    }
    const box = $("keys-on");
    box.checked = localStorage.getItem(STORED) !== "off";
    box.addEventListener("change", () => localStorage.setItem(STORED, box.checked ? "on" : "off"));
    document.addEventListener("keydown", (event) => this.#pressed(event, box.checked));
  }

  #pressed(event, on) {
    const typing = event.target.closest("input:not([type=checkbox]), textarea, select");
    if (event.key !== "Escape" && (!on || typing)) return;
    if (event.ctrlKey || event.altKey || event.metaKey || document.querySelector("dialog[open]")) return;
    const found = this.table[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!found) return;
    if (event.key !== "Escape") event.preventDefault();
    found();
  }
}

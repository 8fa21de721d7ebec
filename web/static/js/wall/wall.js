// All calls of a shift: tiles in pages, one call's sound at a time, powers and tasks, everything by keyboard.

import { CHIME, keepAwake, play } from "../call/devices.js";
import { $, list, page, show, text, write } from "../call/page.js";
import { Call } from "./call.js";
import { Panel } from "./panel.js";
import { Pictures } from "./pictures.js";
import { Tasks, post } from "./tasks.js";
import { Tile } from "./tile.js";

const EVERY = 3000; // ms between two looks at who is where
const SIZE = "kinbridge-wall-size";
const KEYS = "kinbridge-officer-keys";
const ACTS = ["warn", "pause", "speak", "mark", "extend", "end"];
const BOTH = 4; // tiles up to which both ends are shown

class Wall {
  constructor() {
    this.tiles = new Map(); // by booking, in order
    this.calls = new Map(); // those that I supervise
    this.pictures = new Pictures();
    this.panel = new Panel((act, fields) => this.#act(act, fields));
    this.tasks = new Tasks({ go: (booking) => this.choose(booking), done: () => this.load(), failed: (words) => this.#refuse(words) });
    this.size = Number(localStorage.getItem(SIZE)) || 4;
    this.powers = {
      listen: () => this.#listen(this.chosen), next: () => this.#next(), take: () => this.#take(),
      warn: () => this.#open("warn"), mark: () => this.#open("mark"), end: () => this.#open("end"), extend: () => this.#open("extend"),
      pause: () => (this.call?.paused ? this.#act("resume") : this.#open("pause")),
      speak: () => this.#can("speak") && this.call.speak().catch((error) => this.#refuse(error.text)), open: () => this.#desk(),
    };
    this.sight = new IntersectionObserver((seen) => this.#seen(seen), { threshold: 0.1 });
    this.#wire();
    this.update(page);
    setInterval(() => this.#tick(), 500);
    setInterval(() => this.load(), EVERY);
    keepAwake();
  }

  get call() {
    return this.calls.get(this.chosen);
  }

  async load() {
    try {
      const answer = await fetch(page.state, { headers: { Accept: "application/json" }, signal: AbortSignal.timeout(8000) });
      if (answer.status === 401 || answer.redirected) return location.reload();
      if (!answer.ok) throw new Error(String(answer.status));
      this.update(await answer.json());
      show($("stale"), false);
    } catch {
      show($("stale"), true);
    }
    return undefined;
  }

  update({ calls, tasks, handed, most }) {
    this.most = most;
    const present = new Set(calls.map((row) => row.booking));
    for (const [booking, tile] of this.tiles) if (!present.has(booking)) this.#drop(booking, tile);
    calls.sort((a, b) => Number(b.mine) - Number(a.mine)); // mine first, then by their time
    for (const row of calls) this.#put(row);
    this.tiles = new Map(calls.map((row) => [row.booking, this.tiles.get(row.booking)]));
    if (!this.tiles.has(this.chosen)) this.chosen = calls[0]?.booking;
    for (const task of this.tasks.update(tasks)) {
      write($("said"), text("wall.task", { text: task.text }));
      play(CHIME).catch(() => undefined);
    }
    this.#hand(handed);
    show($("empty"), calls.length === 0);
    write($("count"), text("wall.count", { mine: this.calls.size, most }));
    this.#lay();
  }

  choose(booking) {
    if (!this.tiles.has(booking)) return;
    const heard = this.hearing && this.hearing !== booking;
    this.chosen = booking;
    this.panel.close();
    if (heard) this.#listen(booking, true);
    this.#lay();
    this.tiles.get(booking).choose.focus();
  }

  #put(row) {
    let tile = this.tiles.get(row.booking);
    if (tile) tile.update(row);
    else {
      tile = new Tile(row, { chosen: () => this.choose(row.booking) });
      this.tiles.set(row.booking, tile);
      this.sight.observe(tile.self);
    }
    const call = this.calls.get(row.booking);
    if (row.mine && row.open && !call) this.#supervise(row.booking, tile);
    else if (call && !row.mine) this.#leave(row.booking, tile);
  }

  #supervise(booking, tile) {
    const call = new Call(booking);
    this.calls.set(booking, call);
    tile.supervise(call);
    call.addEventListener("changed", () => {
      tile.draw();
      if (booking === this.chosen) this.#powers();
    });
    call.addEventListener("measured", () => tile.measured());
    call.addEventListener("notice", ({ detail }) => {
      if (detail.notice !== "help" && detail.notice !== "recorder") return;
      write($("said"), detail.text);
      play(CHIME).catch(() => undefined);
    });
  }

  #leave(booking, tile) {
    this.calls.get(booking)?.close();
    this.calls.delete(booking);
    if (this.hearing === booking) this.hearing = null;
    tile?.supervise(null);
  }

  #drop(booking, tile) {
    this.#leave(booking, tile);
    this.sight.unobserve(tile.self);
    tile.inSight = false;
    tile.paint(this.pictures, false);
    tile.self.remove();
  }

  // Tiles of the chosen one's page, in order; pictures where they are in sight.
  #lay() {
    const rows = [...this.tiles.values()];
    const at = Math.max(0, rows.findIndex((tile) => tile.row.booking === this.chosen));
    const first = at - (at % this.size);
    const pages = Math.max(1, Math.ceil(rows.length / this.size));
    $("tiles").dataset.size = this.size;
    rows.forEach((tile, place) => {
      const here = place >= first && place < first + this.size;
      show(tile.self, here);
      if (!here) tile.inSight = false;
      if ($("tiles").children[place] !== tile.self) $("tiles").insertBefore(tile.self, $("tiles").children[place] ?? null);
      tile.choose.setAttribute("aria-pressed", String(tile.row.booking === this.chosen));
      tile.tile.dataset.chosen = tile.row.booking === this.chosen;
      tile.tile.dataset.heard = tile.row.booking === this.hearing;
    });
    write($("pages"), pages > 1 ? text("wall.more", { page: Math.floor(first / this.size) + 1, pages }) : "");
    for (const button of document.querySelectorAll("[data-size]:is(button)")) {
      button.setAttribute("aria-pressed", String(Number(button.dataset.size) === this.size));
    }
    this.#look();
    this.#powers();
  }

  // What cannot be seen costs nothing: neither behind another page nor on a hidden tab.
  #look() {
    const visible = document.visibilityState === "visible";
    for (const tile of this.tiles.values()) {
      const sight = tile.inSight;
      tile.inSight = sight && visible;
      tile.paint(this.pictures, this.size <= BOTH);
      tile.inSight = sight;
    }
  }

  #seen(entries) {
    for (const entry of entries) {
      const tile = [...this.tiles.values()].find((one) => one.self === entry.target);
      if (tile) tile.inSight = entry.isIntersecting;
    }
    this.#look();
  }

  #powers() {
    const { call } = this;
    const row = this.tiles.get(this.chosen)?.row;
    const open = Boolean(call?.open);
    for (const button of document.querySelectorAll("[data-power]")) {
      const name = button.dataset.power;
      button.disabled = ["listen", ...ACTS].includes(name) ? !open : !row;
      if (ACTS.includes(name)) show(button, call?.welcome ? this.#can(name) : name !== "extend");
      if (name === "take") button.disabled = !row?.open || (row.mine && !call?.over);
      if (name === "pause") write(button.querySelector("[data-word]"), text(call?.paused ? "wall.resume" : "wall.halt"));
    }
    document.querySelector("[data-power=listen]").setAttribute("aria-pressed", String(this.hearing === this.chosen));
    document.querySelector("[data-power=speak]").setAttribute("aria-pressed", String(Boolean(call?.track)));
    const heard = this.tiles.get(this.hearing)?.row;
    write($("hearing"), heard ? text("wall.listening", { names: list([heard.inmate, ...heard.family]) }) : text("wall.silent"));
  }

  // One call's sound at a time; the same once more is silence.
  #listen(booking, stays = false) {
    const before = this.hearing;
    this.calls.get(before)?.listen(false);
    this.hearing = null;
    const call = this.calls.get(booking);
    if (call?.open && (before !== booking || stays)) {
      this.hearing = booking;
      call.listen(true);
    }
    this.#lay();
  }

  #next() {
    const rows = [...this.tiles.keys()];
    const mine = rows.filter((booking) => this.calls.get(booking)?.open);
    const among = mine.length ? mine : rows;
    const booking = among[(among.indexOf(this.chosen) + 1) % among.length];
    if (!booking) return;
    this.chosen = booking;
    this.#listen(booking, true);
  }

  #move(by) {
    const rows = [...this.tiles.keys()];
    const at = rows.indexOf(this.chosen) + by;
    if (at >= 0 && at < rows.length) this.choose(rows[at]);
  }

  async #take() {
    const booking = this.chosen;
    try {
      await post(`/officer/wall/${booking}/take`);
      if (this.calls.get(booking)?.over) this.#leave(booking, this.tiles.get(booking));
      await this.load();
    } catch (error) {
      this.#refuse(error.text);
    }
  }

  // What this officer cannot do in the chosen call would cost them the connection, and the call its officer.
  #can(act) {
    return Boolean(this.call?.open && this.call.welcome?.acts.includes(act));
  }

  #open(name) {
    const { call } = this;
    if (!this.#can(name)) return;
    this.panel.show(name, name === "extend" ? { extend: call.lengths } : call.welcome);
  }

  async #act(act, fields = {}) {
    show($("refused"), false);
    try {
      await this.call?.act(act, fields);
    } catch (error) {
      this.#refuse(error.text);
    }
  }

  #desk() {
    if (this.chosen) location.assign(`/officer/visits/${this.chosen}`);
  }

  #refuse(words) {
    write($("refused-text"), words || text("wall.notSent"));
    show($("refused"), true);
  }

  #hand(handed) {
    const [first] = handed;
    show($("handed"), Boolean(first));
    if (!first) return;
    write($("handed-from"), first.from);
    write($("handed-words"), first.words);
    $("handed-seen").dataset.id = first.id;
  }

  #tick() {
    for (const tile of this.tiles.values()) if (!tile.self.hidden) tile.tick();
  }

  #resize(size) {
    this.size = size;
    localStorage.setItem(SIZE, size);
    this.#lay();
  }

  #wire() {
    for (const button of document.querySelectorAll("button[data-size]")) {
      button.addEventListener("click", () => this.#resize(Number(button.dataset.size)));
    }
    for (const button of document.querySelectorAll("[data-power]")) {
      button.addEventListener("click", () => this.powers[button.dataset.power]());
    }
    $("handed-seen").addEventListener("click", async ({ currentTarget }) => {
      await post(`/officer/shift/seen/${currentTarget.dataset.id}`).catch((error) => this.#refuse(error.text));
      this.load();
    });
    document.addEventListener("visibilitychange", () => this.#look());
    const across = () => Math.sqrt(this.size);
    const keys = {
      ArrowLeft: () => this.#move(-1), ArrowRight: () => this.#move(1), ArrowUp: () => this.#move(-across()), ArrowDown: () => this.#move(across()),
      " ": this.powers.listen, n: this.powers.next, t: this.powers.take, w: this.powers.warn, p: this.powers.pause,
      s: this.powers.speak, m: this.powers.mark, x: this.powers.extend, e: this.powers.end, o: this.powers.open, Enter: this.powers.open,
      k: () => this.tasks.focus(), f: () => this.#flip(), Escape: () => this.panel.close(),
      z: () => this.#resize(page.sizes[(page.sizes.indexOf(this.size) + 1) % page.sizes.length]),
    };
    const box = $("keys-on");
    box.checked = localStorage.getItem(KEYS) !== "off";
    box.addEventListener("change", () => localStorage.setItem(KEYS, box.checked ? "on" : "off"));
    document.addEventListener("keydown", (event) => this.#pressed(event, keys, box.checked));
  }

  #pressed(event, keys, on) {
    const typing = event.target.closest("input:not([type=checkbox]), textarea, select");
    if ((event.key !== "Escape" && (!on || typing)) || event.ctrlKey || event.altKey || event.metaKey) return;
    // Space and Enter do what the focused button says, unless it is a tile's.
    if ([" ", "Enter"].includes(event.key) && event.target.closest("button:not(.wtile-name), a, input, summary")) return;
    const number = Number(event.key);
    const found = this.panel.name && number ? () => this.panel.choose(number) : keys[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!found) return;
    event.preventDefault();
    found();
  }

  #flip() {
    const tile = this.tiles.get(this.chosen);
    if (!tile) return;
    tile.end = tile.end === "family" ? "inmate" : "family";
    this.#look();
  }
}

window.wall = new Wall(); // for whoever looks into the page from its console

// One card per seat: the face, the proof beside it, who it is, and what can be done with this seat.

import { begin } from "./devices.js";
import { noteOf } from "./faces.js";
import { Curve } from "./measured.js";
import { $, copy, page, reusable, show, text, write } from "./page.js";

const LIGHTS = { away: "grey", lobby: "yellow", admitted: "green", removed: "red" };

export class Seats {
  // `act(name, fields)` carries an act of supervision out.
  constructor(container, act) {
    Object.assign(this, { container, act });
    this.cards = new Map();
    this.streams = new Map();
    this.papers = new Map();
    this.acts = new Set();
    reusable($("remove-dialog"));
    $("remove-form").addEventListener("submit", () => this.#remove());
    $("remove-dialog").querySelector("[data-close]").addEventListener("click", () => $("remove-dialog").close());
  }

  // `acts`: what an officer may do in this room.
  allow(acts = []) {
    this.acts = new Set(acts);
  }

  // A seat's first proof is its own person's; further ones are of those who sit beside them (children).
  proofs(proofs) {
    this.papers.clear();
    for (const proof of proofs) this.papers.set(proof.seat, [...(this.papers.get(proof.seat) ?? []), proof]);
  }

  nameOf(seat) {
    return seat ? (this.cards.get(seat)?.person?.name ?? "") : "";
  }

  update(people, state) {
    const shown = people.filter((person) => person.state === "lobby" || person.state === "admitted");
    this.container.dataset.shown = shown.length;
    for (const [index, person] of people.entries()) this.#describe(person, index + 1, state);
  }

  // The server's figures of the last second, by seat.
  measured(people) {
    for (const figures of people) {
      const card = this.cards.get(figures.seat);
      if (card) (card.drawn ??= new Curve(card)).add(figures);
    }
  }

  // Answers whether it plays.
  async attach(line, stream) {
    this.streams.set(line, stream);
    const started = await Promise.all(
      [...this.cards.values()].filter((card) => card.person.line === line).map((card) => this.#play(card)),
    );
    return started.every(Boolean);
  }

  async playAll() {
    return (await Promise.all([...this.cards.values()].map((card) => this.#play(card)))).every(Boolean);
  }

  // Moves the focus to what is to be done first with the seat of this number.
  focus(number) {
    const card = [...this.cards.values()][number - 1];
    card?.self.querySelector("button:not([hidden]):not(:disabled)")?.focus();
  }

  // The first who waits to be let in.
  admitFirst() {
    const waiting = [...this.cards.values()].find((card) => !card.admit.hidden && !card.admit.disabled);
    waiting?.admit.click();
  }

  close() {
    for (const card of this.cards.values()) card.video.srcObject = null;
    this.streams.clear();
  }

  #describe(person, number, state) {
    const card = this.#card(person, number);
    const before = card.person?.line;
    card.person = person;
    card.self.dataset.state = person.state;
    card.self.dataset.connected = person.connected;
    card.light.className = `light light--${LIGHTS[person.state]}`;
    card.light.dataset.state = person.state;
    write(card.word, text(`seat.${person.state}`));
    write(card.name, person.name);
    write(card.role, [text(`role.${person.role}`), kinshipOf(this.papers.get(person.seat)?.[0])].filter(Boolean).join(" · "));
    write(card.quality, person.connected ? text(`quality.${person.quality}`) : "");
    const missing = person.missing?.[0];
    const note = person.state === "away" || person.state === "removed" ? "" : missing ? text(`seat.missing.${missing}`) : noteOf(person);
    write(card.note, note);
    show(card.note, note !== "");
    card.note.dataset.missing = Boolean(missing);
    show(card.blank, !person.connected || !person.camera);
    write(card.initial, [...person.name][0] ?? "");
    show(card.admit, person.state === "lobby" && this.acts.has("admit"));
    card.admit.disabled = !person.connected;
    show(card.back, person.state === "admitted" && this.acts.has("send_back"));
    show(card.mute, person.state === "admitted" && this.acts.has("mute"));
    write(card.muteWord, text(person.muted ? "seat.unmute" : "seat.mute"));
    card.mute.setAttribute("aria-pressed", String(person.muted));
    show(card.remove, person.state !== "removed" && state.phase !== "ended" && this.acts.has("remove"));
    this.#paper(card, person);
    if (person.line !== null && person.line !== before) this.#play(card);
  }

  #card(person, number) {
    let card = this.cards.get(person.seat);
    if (card) return card;
    card = copy("seat");
    card.self.dataset.seat = person.seat;
    write(card.number, String(number));
    const fields = { seat: person.seat };
    card.admit.addEventListener("click", () => this.act("admit", fields));
    card.back.addEventListener("click", () => this.act("send_back", fields));
    card.mute.addEventListener("click", () => this.act(card.person.muted ? "unmute" : "mute", fields));
    card.remove.addEventListener("click", () => this.#ask(card.person));
    card.image.addEventListener("error", () => {
      show(card.image, false);
      show(card.paperWord, true);
    });
    card.video.addEventListener("resize", () => {
      if (card.video.videoWidth) {
        card.self.style.setProperty("--aspect", card.video.videoWidth / card.video.videoHeight);
      }
    });
    this.cards.set(person.seat, card);
    this.container.append(card.self);
    return card;
  }

  // The proof: as a picture where it is one, else as a link to the document.
  #paper(card, person) {
    const [own, ...companions] = this.papers.get(person.seat) ?? [];
    show(card.paper, Boolean(own?.proof_url));
    if (!own?.proof_url || card.paper.getAttribute("href") === own.proof_url) return;
    card.paper.href = own.proof_url;
    card.image.src = own.proof_url;
    card.image.alt = text("seat.proof", { name: own.name });
    show(card.companions, companions.length > 0);
    card.companions.replaceChildren(...companions.map((proof) => this.#companion(proof)));
  }

  #companion(proof) {
    const item = document.createElement("li");
    const link = document.createElement("a");
    Object.assign(link, { href: proof.proof_url, target: "_blank", rel: "noopener" });
    link.textContent = text("seat.companion", { name: proof.name, kinship: kinshipOf(proof) });
    item.append(link);
    return item;
  }

  async #play(card) {
    const stream = this.streams.get(card.person?.line);
    if (!stream) return true;
    if (card.video.srcObject !== stream) card.video.srcObject = stream;
    return begin(card.video);
  }

  #ask(person) {
    this.removing = person.seat;
    write($("remove-title"), text("remove.title", { name: person.name }));
    $("remove-dialog").showModal();
  }

  #remove() {
    this.act("remove", { seat: this.removing, reason: $("remove-reason").value, text: $("remove-text").value });
    $("remove-text").value = "";
  }
}

// The kinship in words; the server may send its code or words of its own.
const kinshipOf = (paper) => (paper ? (page.kinships[paper.kinship] ?? paper.kinship) : "");

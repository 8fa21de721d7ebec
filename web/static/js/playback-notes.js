// Notes at their second, one's own and those of whoever else listens just now; canned ones by one press.

const EVERY = 4000;

export class Notes {
  // `player`: {position(), place(ms), face(ms): as on a clock}.
  constructor(root, player) {
    Object.assign(this, { root, player, known: "" });
    this.list = root.querySelector("[data-notes-list]");
    this.form = root.querySelector("form");
    this.form.addEventListener("submit", (event) => this.#write(event));
    for (const button of root.querySelectorAll("[data-code]")) {
      button.addEventListener("click", () => this.#send({ code: button.dataset.code, words: this.#words() }));
    }
    // Prepared marks by key: Shift and their number, from anywhere in the player but a field.
    root.closest("[data-playback]").addEventListener("keydown", (event) => {
      const number = event.shiftKey && /^Digit([1-9])$/.exec(event.code)?.[1];
      if (!number || event.ctrlKey || event.altKey || event.metaKey || event.target.closest("input, select, textarea")) return;
      const button = root.querySelectorAll("[data-code]")[number - 1];
      if (!button) return;
      event.preventDefault();
      button.click();
    });
    this.load();
    setInterval(() => document.hidden || this.load(), EVERY);
  }

  async load() {
    const answer = await fetch(this.root.dataset.notes, { headers: { Accept: "application/json" } }).catch(() => null);
    if (!answer?.ok) return;
    const text = await answer.text();
    if (text === this.known) return;
    this.known = text;
    this.list.replaceChildren(...JSON.parse(text).notes.map((note) => this.#item(note)));
  }

  #item(note) {
    const item = document.createElement("li");
    const button = document.createElement("button");
    button.type = "button";
    button.className = "event-jump";
    button.textContent = `${this.player.face(note.at_ms)} ${[note.text, note.words].filter(Boolean).join(" – ")} · ${note.by}`;
    button.addEventListener("click", () => this.player.place(note.at_ms));
    item.append(button);
    return item;
  }

  #words() {
    return this.form.querySelector("input").value.trim();
  }

  #write(event) {
    event.preventDefault();
    delete this.form.dataset.sent;
    if (this.#words()) this.#send({ code: "", words: this.#words() });
  }

  async #send(note) {
    const answer = await fetch(this.root.dataset.notes, {
      method: "POST",
      headers: { "Content-Type": "application/json", Accept: "application/json", "X-CSRF-Token": document.querySelector("meta[name=csrf]").content },
      body: JSON.stringify({ ...note, at_ms: Math.round(this.player.position()) }),
    }).catch(() => null);
    this.root.querySelector("[data-notes-failed]").hidden = Boolean(answer?.ok);
    if (answer?.ok) this.form.reset();
    this.load();
  }
}

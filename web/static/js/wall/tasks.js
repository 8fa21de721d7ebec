// The queue beside the wall: what an officer should look at. Nothing here touches a call.

import { $, copy, csrf, show, text, write } from "../call/page.js";

export async function post(path, data = {}) {
  const answer = await fetch(path, {
    method: "POST",
    headers: { "X-CSRF-Token": csrf, Accept: "application/json" },
    body: new URLSearchParams(data),
  });
  if (!answer.ok) throw await answer.json().catch(() => ({ text: "" }));
}

export class Tasks {
  // `go(booking)`: chooses that call; `done()`: something was dealt with.
  constructor({ go, done, failed }) {
    Object.assign(this, { go, done, failed });
    this.known = null;
    this.items = new Map();
  }

  update(tasks) {
    write($("tasks-count"), String(tasks.length));
    show($("no-tasks"), tasks.length === 0);
    const fresh = tasks.filter((task) => this.known && !this.known.has(task.id) && task.mine);
    this.known = new Set(tasks.map((task) => task.id));
    for (const [id, item] of this.items) {
      if (!this.known.has(id)) {
        item.self.remove();
        this.items.delete(id);
      }
    }
    tasks.forEach((task, place) => this.#put(task, place));
    return fresh;
  }

  focus() {
    $("tasks").querySelector("button")?.focus();
  }

  #put(task, place) {
    const item = this.items.get(task.id) ?? this.#make(task);
    item.self.dataset.mine = task.mine;
    item.self.dataset.taken = Boolean(task.taken);
    write(item.text, task.text);
    write(item.about, [task.name || task.call, task.words, task.taken].filter(Boolean).join(" · "));
    show(item.take, !task.taken);
    if ($("tasks").children[place] !== item.self) $("tasks").insertBefore(item.self, $("tasks").children[place] ?? null);
  }

  #make(task) {
    const item = copy("task");
    this.items.set(task.id, item);
    item.go.addEventListener("click", () => this.go(task.booking));
    item.take.addEventListener("click", () => this.#post(`/officer/tasks/${task.id}/take`, {}));
    for (const button of item.self.querySelectorAll("[data-outcome]")) {
      button.addEventListener("click", () => this.#post(`/officer/tasks/${task.id}/done`, { outcome: button.dataset.outcome }));
    }
    return item;
  }

  async #post(path, data) {
    try {
      await post(path, data);
    } catch (error) {
      this.failed(error.text || text("wall.notSent"));
    }
    this.done();
  }
}

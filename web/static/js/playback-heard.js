// Tells the server which stretches were really listened to: access to a recording is itself an entry in the
// ledger, to the second. A stretch is sent when it ends (pause, jump, page left) and at least every minute.

const LONGEST_MS = 60_000;

export class Heard {
  #from = null;
  #to = 0;

  constructor(url) {
    this.url = url;
    addEventListener("pagehide", () => this.stop(this.#to));
  }

  at(ms) {
    if (this.#from === null) this.#from = ms;
    this.#to = ms;
    if (this.#to - this.#from >= LONGEST_MS) {
      this.stop(ms);
      this.#from = ms;
    }
  }

  stop(ms) {
    const [from, to] = [this.#from, Math.max(this.#to, ms)];
    this.#from = null;
    if (from === null || to - from < 250) return;
    fetch(this.url, {
      method: "POST",
      keepalive: true,
      headers: {
        "Content-Type": "application/json",
        "X-CSRF-Token": document.querySelector('meta[name="csrf"]').content,
      },
      body: JSON.stringify({ from_ms: Math.round(from), to_ms: Math.round(to) }),
    }).catch(() => undefined); // the server has entered the opening and each file already
  }
}

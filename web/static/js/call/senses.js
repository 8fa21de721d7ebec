// Feels that the network is another one: see "Another network" in docs/protocol.md.
//
// Event: "elsewhere" when the socket lives and media must find a new way. A dead socket is given up, and comes
// back by itself with media of its own.

const LOOK_EVERY = 1000; // ms
const SILENCE = 6000; // ms in which nothing at all came, not even an answer to what ICE asks every few seconds
const ROUNDS = 4; // round trips within which the server must have answered
// ms it has at least. A machine that is only busy must not be taken for gone: new sockets would make it busier.
const LEAST = { online: 800, media: 2500, silent: 2500 };
const REST = 5000; // ms between two doubts: a new way takes its time

export class Senses extends EventTarget {
  constructor(signal) {
    super();
    this.signal = signal;
    this.doubted = 0;
    addEventListener("online", () => this.#doubt("online"));
    navigator.connection?.addEventListener?.("change", () => this.#doubt("online"));
  }

  // The connection whose media are watched from now on; null: none.
  follow(peer) {
    this.peer = peer;
    clearInterval(this.looking);
    if (!peer) return;
    this.bytes = null;
    this.fresh = performance.now();
    this.looking = setInterval(() => this.#look(peer), LOOK_EVERY);
    peer.addEventListener("state", ({ detail: { state } }) => {
      if (peer === this.peer && ["disconnected", "failed"].includes(state)) this.#doubt("media");
    });
  }

  async #look(peer) {
    const bytes = await peer.arrived().catch(() => null);
    if (peer !== this.peer) return;
    const now = performance.now();
    if (bytes !== this.bytes || bytes === null) this.fresh = now;
    this.bytes = bytes;
    if (now - this.fresh > SILENCE) this.#doubt("silent");
  }

  async #doubt(why) {
    const now = performance.now();
    if (!this.peer || this.signal.state !== "open" || now - this.doubted < REST) return;
    this.doubted = this.fresh = now;
    const patience = Math.max(LEAST[why], ROUNDS * (this.signal.roundTrip ?? 0));
    if (await this.signal.alive(patience)) this.dispatchEvent(new Event("elsewhere"));
  }
}

// Feels that the network is another one: see "Another network" in docs/protocol.md.
//
// Event: "elsewhere" when the socket lives and media must find a new way. A dead socket is given up, and comes
// back by itself with media of its own.

const LOOK_EVERY = 250; // ms
const SLEPT = 1500; // ms between two looks: it is this page that stood still
// ms without anything, not even what the server says every second. Where sound or pictures were flowing the first says
// enough to ask over the socket; where not, the second. The third is believed.
const STOPPED = 1000;
const QUIET = 2500;
const SILENCE = 2000;
const ROUNDS = 4; // round trips within which the server must have answered
// ms it has at least. A machine that is only busy must not be taken for gone: new sockets would make it busier.
const LEAST = { online: 800, stopped: 900, quiet: 2500, media: 2500 };
const REST = 5000; // ms between two changes: a new way takes its time

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
    this.stamp = this.bytes = null;
    this.fresh = this.looked = performance.now();
    this.flowed = 0;
    this.looking = setInterval(() => this.#look(peer), LOOK_EVERY);
    peer.addEventListener("state", ({ detail: { state } }) => {
      if (peer === this.peer && ["disconnected", "failed"].includes(state)) this.#doubt("media");
    });
  }

  async #look(peer) {
    const slept = performance.now() - this.looked > SLEPT;
    this.looked = performance.now();
    const stamp = peer.newest();
    if (stamp !== this.stamp || slept) {
      this.stamp = stamp;
      if (!slept) this.flowed = this.looked;
      this.fresh = this.looked;
      return;
    }
    const bytes = await peer.arrived().catch(() => null);
    if (peer !== this.peer) return;
    if (bytes !== this.bytes || bytes === null) this.fresh = performance.now();
    this.bytes = bytes;
    const silent = performance.now() - this.fresh;
    const stopped = this.flowed > this.fresh - STOPPED;
    if (silent > (stopped ? STOPPED : QUIET)) this.#doubt(stopped ? "stopped" : "quiet");
  }

  // Asks over the socket, which is given up if it is as dead; if it lives, media must find another way.
  async #doubt(why) {
    const now = performance.now();
    if (!this.peer || this.asking || this.signal.state !== "open" || now - this.doubted < REST) return;
    this.asking = true;
    const lives = await this.signal.alive(Math.max(LEAST[why], ROUNDS * (this.signal.roundTrip ?? 0)));
    const wait = why === "stopped" ? SILENCE - (performance.now() - this.fresh) : 0;
    if (lives && wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
    this.asking = false;
    const changed = why !== "stopped" || performance.now() - this.fresh >= SILENCE;
    if (lives && !changed) return;
    this.doubted = this.fresh = performance.now();
    if (lives) this.dispatchEvent(new Event("elsewhere"));
  }
}

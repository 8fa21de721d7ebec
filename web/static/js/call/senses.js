// Feels that the network is another one: see "Another network" in docs/protocol.md.
//
// Event: "elsewhere" when the socket lives and media must find a new way. A dead socket is given up, and comes
// back by itself with media of its own.

const LOOK_EVERY = 150; // ms
const SLEPT = 1500; // ms between two looks: it is this page that stood still
// ms without anything, not even what the server says every second. Where sound or pictures came all the time the
// first says enough to ask over the socket, where they flowed with pauses the second, where not the third. The last is
// believed.
const SUDDEN = 500;
const STOPPED = 1000;
const QUIET = 2500;
const SILENCE = 1500;
const STEADY = 2000; // ms for which they came all the time, which is:
const PAUSE = 400; // never less often than this; silence is sent in packets so far apart
const ROUNDS = 4; // round trips within which the server must have answered
// ms it has at least, and ms after which a ticket that came meanwhile says that the socket alone is dead. A machine
// that is only busy must not be taken for gone: new sockets would make it busier.
const LEAST = { online: 800, stopped: 1500, quiet: 2500, media: 2500 };
const PROVEN = { online: 400, stopped: 500, quiet: 300, media: 300 };
// ms between two changes: a new way takes its time, the second; but where media came by it, it is there, the first.
const BETWEEN = 1000;
const REST = 5000;

export class Senses extends EventTarget {
  constructor(signal) {
    super();
    this.signal = signal;
    this.doubted = 0;
    addEventListener("online", () => this.#doubt("online"));
    // It also changes with every new estimate of its rate, which is of no interest.
    const network = navigator.connection;
    let type = network?.type;
    network?.addEventListener?.("change", () => {
      if (type !== network.type) this.#doubt("online");
      type = network.type;
    });
  }

  // The connection whose media are watched from now on; null: none.
  follow(peer) {
    this.peer = peer;
    clearInterval(this.looking);
    if (!peer) return;
    this.stamp = this.bytes = null;
    this.fresh = this.looked = performance.now();
    this.flowed = this.began = 0;
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
      if (slept || this.looked - this.flowed > PAUSE) this.began = this.looked;
      if (!slept) this.flowed = this.looked;
      this.fresh = this.looked;
      this.bytes = undefined; // what it was when the flow stopped, the next look tells
      return;
    }
    const bytes = await peer.arrived().catch(() => null);
    if (peer !== this.peer) return;
    if (bytes === null || (this.bytes !== undefined && bytes !== this.bytes)) this.fresh = performance.now();
    this.bytes = bytes;
    const silent = performance.now() - this.fresh;
    const stopped = this.flowed > this.fresh - STOPPED;
    const steady = this.flowed - this.began > STEADY;
    if (silent > (stopped ? (steady ? SUDDEN : STOPPED) : QUIET)) this.#doubt(stopped ? "stopped" : "quiet");
  }

  // Asks over the socket, which is given up if it is as dead; if it lives, media must find another way, unless they
  // came by themselves.
  async #doubt(why) {
    const [now, since] = [performance.now(), this.fresh];
    const rest = this.flowed > this.doubted ? BETWEEN : REST;
    if (!this.peer || this.asking || this.signal.state !== "open" || now - this.doubted < rest) return;
    this.asking = true;
    const flows = () => ["stopped", "quiet"].includes(why) && this.fresh > since;
    const patience = Math.max(LEAST[why], ROUNDS * (this.signal.roundTrip ?? 0));
    const lives = await this.signal.alive(patience, { least: PROVEN[why], flows });
    // Where all was silent media come back with the answer, and are seen at the next look.
    const until = Math.max(since + SILENCE, performance.now() + 2 * LOOK_EVERY);
    while (lives && why === "stopped" && !flows() && performance.now() < until) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    this.asking = false;
    if (lives && flows()) return;
    this.doubted = this.fresh = performance.now();
    if (lives) this.dispatchEvent(new Event("elsewhere"));
  }
}

// A seat in a visit: the socket and, for each socket, the one media connection that belongs to it.
//
// Passes on "state", "notice", "ended", "welcome", "help" and "status"; adds "line" and "announce" (see peer.js)
// and "media" {state} for the media connection's own ups and downs.

import { Peer } from "./peer.js";
import { Seal } from "./sealed.js";
import { Signal } from "./socket.js";
import { Senses } from "./senses.js";
import { csrf } from "./page.js";
import { SAFETY_WORDS } from "./words.js";

const PASSED = ["welcome", "state", "notice", "ended", "status", "measured"];
const SEEN_EVERY = 5000; // ms between two words to the server on how pictures and sound arrive

export class Connection extends EventTarget {
  constructor(ticketUrl, windowMs) {
    super();
    this.signal = new Signal({ ticketUrl, csrf, windowMs });
    this.switched = { camera: false, microphone: false };
    this.stream = null;
    this.peer = null;
    this.relay = false;
    this.senses = new Senses(this.signal);
    this.senses.addEventListener("elsewhere", () => this.send({ type: "restart" }));
    this.signal.addEventListener("welcome", ({ detail }) => this.#welcomed(detail));
    this.signal.addEventListener("offer", ({ detail }) => this.#offered(detail));
    this.signal.addEventListener("send", ({ detail }) => this.peer?.sending?.apply(detail));
    this.signal.addEventListener("error", ({ detail }) => this.#failed(detail));
    this.signal.addEventListener("state", ({ detail }) => this.seal?.update(detail.people));
    this.signal.addEventListener("secret", ({ detail }) => this.seal?.take(detail));
    for (const type of PASSED) {
      this.signal.addEventListener(type, ({ detail }) => this.#pass(type, detail));
    }
  }

  // The camera and microphone to be sent, from now on and after every reconnection.
  use(stream) {
    this.stream = stream;
  }

  start() {
    this.signal.start();
  }

  stop() {
    clearInterval(this.watching);
    this.signal.stop();
  }

  send(message) {
    return this.signal.send(message);
  }

  act(act, fields) {
    return this.signal.act(act, fields);
  }

  // What is switched on, told to the others; a track that is off sends silence or black.
  devices(switched) {
    Object.assign(this.switched, switched);
    for (const track of this.stream?.getTracks() ?? []) {
      track.enabled = this.switched[track.kind === "video" ? "camera" : "microphone"];
    }
    this.send({ type: "devices", ...this.switched });
  }

  publish(kind, track) {
    return this.peer?.publish(kind, track);
  }

  close() {
    this.stop();
    this.senses.follow(null);
    this.peer?.close();
    this.peer = null;
  }

  async #seen() {
    const peer = this.peer;
    if (document.visibilityState !== "visible" || !peer) return; // a hidden page draws nothing: no freeze of ours
    const now = await peer.statistics().catch(() => null);
    const before = peer.seen;
    if (!now) return;
    peer.seen = now;
    if (!before) return;
    const samples = now.samples - before.samples;
    const within = (value, most) => Math.max(0, Math.min(most, Math.round(value)));
    this.send({
      type: "seen",
      frozen_ms: within(now.frozen - before.frozen, 60000),
      concealed: samples > 0 ? within((1000 * (now.concealed - before.concealed)) / samples, 1000) : 0,
    });
  }

  #welcomed(welcome) {
    clearInterval(this.watching);
    this.watching = setInterval(() => this.#seen(), SEEN_EVERY);
    this.iceServers = welcome.ice_servers ?? [];
    this.publishes = welcome.publishes ?? [];
    this.#seal(welcome.role === "monitor" ? [] : (welcome.visit?.sealed ?? []));
  }

  async #offered(offer) {
    if (!offer.lines) {
      const sdp = await this.peer?.renew(offer).catch(() => null);
      if (sdp) this.send({ type: "answer", offer: offer.id, sdp });
      return;
    }
    const last = this.peer;
    const peer = (this.peer = new Peer(this.iceServers, { relay: this.relay, seal: this.seal }));
    for (const type of ["line", "announce"]) {
      peer.addEventListener(type, ({ detail }) => this.#pass(type, detail));
    }
    peer.addEventListener("state", ({ detail }) => peer === this.peer && this.#pass("media", detail));
    const sdp = await peer.answer(offer, this.stream);
    this.senses.follow(peer);
    last?.close();
    if (peer !== this.peer) {
      peer.close(); // a newer socket's offer came while this one was being answered
      return;
    }
    this.send({ type: "answer", offer: offer.id, sdp });
    if (this.publishes.includes("video")) this.devices({});
  }

  // `kinds`: what this room's browsers seal for each other. The key pair lives as long as the page.
  #seal(kinds) {
    if (!kinds.length) return;
    if (!this.seal) {
      this.seal = new Seal((message) => this.send(message), SAFETY_WORDS);
      this.seal.addEventListener("mode", ({ detail }) => this.#pass("seal", detail));
    }
    this.seal.begin(kinds);
  }

  // Media did not come up: the next try goes through TURN, and the one after that without it again.
  #failed(error) {
    if (error.code === "not-connected") this.relay = !this.relay;
  }

  #pass(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

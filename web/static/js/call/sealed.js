// Sealing sound and picture from browser to browser (docs/decisions/0016): keys are agreed over the signaling socket,
// which only carries them; frames are sealed and opened in a worker (sealed-frames.js).
//
// Each side makes a key pair (ECDH P-256) when the page is opened, tells the SHA-256 of its public half first, and the
// public half itself only when it has everybody's digest: nobody in between can look for a pair that fits the words.
// Each sender has a key of its own for its frames, and gives it to each other side in a box that only that side opens.
//
// Events: "words" {words: [..] or null} for the safety words, "mode" {mode: "waiting" | "sealed" | "open"}.

const CURVE = { name: "ECDH", namedCurve: "P-256" };
const WORDS_SHOWN = 6;

const to64 = (bytes) => btoa(String.fromCharCode(...new Uint8Array(bytes)));
const from64 = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
const number = (bytes) => new DataView(new Uint8Array(bytes).buffer).getUint32(0);
const digest = (bytes) => crypto.subtle.digest("SHA-256", bytes);

// What this browser can do: frames reach a worker by RTCRtpScriptTransform, or in older Chromium by streams.
function ability() {
  if (!crypto.subtle) return null;
  if ("RTCRtpScriptTransform" in window) return "transform";
  return "createEncodedStreams" in RTCRtpSender.prototype ? "streams" : null;
}

export class Seal extends EventTarget {
  // `send`: a message to the server; `words`: the list of 256 safety words in the page's language.
  constructor(send, words) {
    super();
    this.send = send;
    this.list = words;
    this.able = ability();
    this.kinds = [];
    this.others = new Map(); // seat -> {commit, public, shared, given}
    this.mode = "waiting";
    this.id = crypto.getRandomValues(new Uint8Array(4)); // of our key for frames
    if (this.able) this.worker = new Worker(new URL("./sealed-frames.js", import.meta.url), { type: "module" });
    this.ready = this.#make();
  }

  async #make() {
    if (!this.able) return;
    this.pair = await crypto.subtle.generateKey(CURVE, false, ["deriveBits"]);
    this.public = new Uint8Array(await crypto.subtle.exportKey("raw", this.pair.publicKey));
    this.commit = to64(await digest(this.public));
    this.secret = crypto.getRandomValues(new Uint8Array(16));
    this.worker.postMessage({ op: "own", id: number(this.id), secret: this.secret });
  }

  // `kinds`: what is to be sealed in this room, from `welcome`. Told again at every connection.
  async begin(kinds) {
    this.kinds = kinds;
    await this.ready;
    this.told = "";
    this.send({ type: "key", commit: this.able ? this.commit : "none", public: "" });
  }

  // Before anything flows: `kind` of `sender` or `receiver` goes through the worker.
  through(end, kind, side) {
    if (!this.able) return;
    const options = { side, kind, sealed: this.kinds.includes(kind) };
    if (this.able === "transform") {
      if (options.sealed) end.transform = new RTCRtpScriptTransform(this.worker, options);
    } else { // once a connection has such streams, nothing flows that does not go through one
      const { readable, writable } = end.createEncodedStreams();
      this.worker.postMessage({ op: "streams", options, readable, writable }, [readable, writable]);
    }
  }

  // The people of a `state`: their digests and public keys. Everything follows from it, at each one anew.
  update(people) {
    this.#then(() => this.#look(people));
  }

  // Another side's key for its frames.
  take(message) {
    this.#then(() => this.#take(message));
  }

  // One thing after the other, in the order in which the server told them.
  #then(work) {
    this.turn = (this.turn ?? this.ready).then(work).catch((error) => console.warn("sealing", error));
  }

  async #look(people) {
    const others = people.filter((person) => !person.you && person.role !== "monitor");
    const here = others.filter((person) => person.commit);
    if (!this.able || here.some((person) => person.commit === "none")) this.#set("open");
    else if (!here.length) this.#set("waiting");
    else await this.#agree(here);
  }

  async #agree(here) {
    const told = this.commit + here.map((person) => person.commit).join();
    if (this.told !== told) {
      this.told = told;
      this.send({ type: "key", commit: this.commit, public: to64(this.public) });
    }
    for (const person of here) await this.#meet(person);
    const known = here.map((person) => this.others.get(person.seat));
    if (known.every((other) => other?.shared)) await this.#show(known);
  }

  async #meet({ seat, commit, key }) {
    let other = this.others.get(seat);
    if (other?.commit !== commit) this.others.set(seat, (other = { commit }));
    if (!key || other.shared) return;
    const bytes = from64(key);
    if (to64(await digest(bytes)) !== commit) return; // not what was promised
    const theirs = await crypto.subtle.importKey("raw", bytes, CURVE, false, []);
    const bits = await crypto.subtle.deriveBits({ name: "ECDH", public: theirs }, this.pair.privateKey, 256);
    const base = await crypto.subtle.importKey("raw", bits, "HKDF", false, ["deriveKey"]);
    other.public = bytes;
    other.shared = base;
    const box = await this.#box(base, this.public, bytes, "encrypt");
    const iv = crypto.getRandomValues(new Uint8Array(12));
    const sealed = await crypto.subtle.encrypt({ name: "AES-GCM", iv }, box, new Uint8Array([...this.id, ...this.secret]));
    this.send({ type: "secret", seat, box: to64(new Uint8Array([...iv, ...new Uint8Array(sealed)])) });
  }

  // The key for one direction: bound to both public keys, in the order of the direction.
  #box(base, from, to, use) {
    const info = new Uint8Array([...from, ...to]);
    const shape = { name: "HKDF", hash: "SHA-256", salt: new TextEncoder().encode("kinbridge sealed 1"), info };
    return crypto.subtle.deriveKey(shape, base, { name: "AES-GCM", length: 128 }, false, [use]);
  }

  async #take({ seat, box }) {
    const other = this.others.get(seat);
    if (!other?.shared) return;
    const bytes = from64(box);
    const key = await this.#box(other.shared, other.public, this.public, "decrypt");
    try {
      const plain = await crypto.subtle.decrypt({ name: "AES-GCM", iv: bytes.slice(0, 12) }, key, bytes.slice(12));
      this.worker.postMessage({ op: "theirs", id: number(plain.slice(0, 4)), secret: new Uint8Array(plain.slice(4)) });
    } catch {
      // Not made for us, or changed on its way: their frames stay shut.
    }
  }

  async #show(known) {
    const keys = [this.public, ...known.map((other) => other.public)].map(to64).sort();
    const bytes = new Uint8Array(await digest(new TextEncoder().encode(keys.join())));
    this.words = [...bytes.slice(0, WORDS_SHOWN)].map((byte) => this.list[byte]);
    this.#set("sealed");
  }

  #set(mode) {
    const words = mode === "sealed" ? this.words : null;
    if (this.mode === mode && String(this.shown) === String(words)) return;
    this.mode = mode;
    this.shown = words;
    this.worker?.postMessage({ op: "mode", mode });
    this.dispatchEvent(new CustomEvent("mode", { detail: { mode, words } }));
  }
}

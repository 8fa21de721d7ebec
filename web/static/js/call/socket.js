// The signaling socket of docs/protocol.md, with all its ways of coming back.
//
// Events: "status" {state, code, text, again} and one event per message of the server, named after its type,
// with the message as `detail`. States: "connecting", "open", "early" (the lobby is not open yet) and "lost"
// (both come back by themselves), "asleep" (waits for `start()`), "final" (it is over; `code` says why).

const DELAYS = [500, 1000, 2000, 4000]; // ms before the next try; the last one repeats
const PING_EVERY = 5000;
const SILENCE = 8000; // nothing heard for so long: the connection is dead, whatever the browser believes
const TICKET_PATIENCE = 6000;
const TICKET_OVERTAKES = 700;
const SPARE_HOLDS = 30000; // ms, half of a ticket's life
// Where the way is doubted: ms that the socket has for its answer before a ticket is asked for, between two requests
// (each may be lost with the network in which it began), and for each of them; and how many are under way at most, for
// it may be the server that is slow, and browsers have few connections for us.
const SPARE_AFTER = 100;
const SPARE_EVERY = 300;
const SPARE_PATIENCE = 3000;
const SPARE_MOST = 3;
const ANEW_AFTER = 300; // ms of doubt from which on a ticket that was asked for earlier proves nothing
const PROVEN = 150; // ms after a ticket came in which the answer over the socket, which was asked for before, must come
const OPENS_AGAIN = 15000; // ms after which a visit that was not open yet is tried again
const FINAL_CLOSES = new Set([4403, 4409, 4410]);
const FINAL_CODES = new Set([
  "not-found", "visit-over", "relationship-ended", "seat-refused", "sign-in-needed", "session-ended",
  "forbidden", "csrf-failed", "elsewhere",
]);

// The codings of pictures that this browser can both send and show; the call is offered in one that all can.
function codings() {
  const can = (side) => (side?.getCapabilities?.("video")?.codecs ?? []).map(({ mimeType }) => mimeType.toLowerCase());
  const shown = can(globalThis.RTCRtpReceiver);
  const both = can(globalThis.RTCRtpSender).filter((name) => shown.includes(name));
  return ["vp8", "h264"].filter((name) => both.includes(`video/${name}`));
}

function reach() {
  return new WebSocket(`${location.protocol === "https:" ? "wss:" : "ws:"}//${location.host}/signal`);
}

const usable = (socket) => Boolean(socket) && socket.readyState <= WebSocket.OPEN;

export class Signal extends EventTarget {
  // `ticketUrl`: where tickets are had; `windowMs`: how long a lost seat is tried for (policy).
  constructor({ ticketUrl, csrf, windowMs = 120000 }) {
    super();
    Object.assign(this, { ticketUrl, csrf, windowMs });
    this.state = "asleep";
    this.tries = 0;
    this.number = 0;
    this.lastError = null;
    this.pending = new Map();
    this.spare = null;
    this.doubted = this.answered = false;
    window.addEventListener("online", () => this.#hurry({ anew: true }));
    document.addEventListener("visibilitychange", () => this.#hurry());
  }

  start() {
    this.lostAt = performance.now();
    this.tries = 0;
    this.#connect();
  }

  // Leaves on purpose; the seat stays ours while the visit lasts.
  stop() {
    clearTimeout(this.retry);
    if (this.state === "open") this.send({ type: "bye" });
    this.spare?.ahead?.close();
    this.#set("asleep");
    this.#drop();
  }

  send(message) {
    if (this.socket?.readyState !== WebSocket.OPEN) return false;
    this.socket.send(JSON.stringify(message));
    return true;
  }

  // Whether the server is still at the other end: asks, and hears something within `patience` ms. `flows`: tells that
  // media came, so there is nothing to ask any more. A socket that is dead is given up at once, and the way back begins,
  // with a ticket and a connection that were made meanwhile. Such a ticket without an answer over the socket says, after
  // `least` ms, that the server is there and the socket is dead.
  async alive(patience, { least = 0, flows = () => false } = {}) {
    const socket = this.socket;
    if (this.state !== "open" || !this.send({ type: "ping", at: Math.round(performance.now()) })) return false;
    const asked = performance.now();
    this.doubted = true;
    this.answered = false; // times do not tell: some browsers' clocks go in steps of 100 ms
    const first = Math.max(SPARE_AFTER, 2 * (this.roundTrip ?? 0));
    for (let passed = 0; socket === this.socket && passed < patience; passed = performance.now() - asked) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      if (this.answered || flows()) break;
      if (passed >= first) this.#provide(passed < ANEW_AFTER ? performance.now() - SPARE_HOLDS : asked);
      if (this.spare?.at > asked && performance.now() - this.spare.at > PROVEN && passed > least) break;
    }
    this.doubted = false;
    if (socket !== this.socket) return false;
    if (this.answered || flows()) {
      this.spare?.ahead?.close();
      return true;
    }
    this.#drop();
    this.#again({ code: "silent", text: "" }, true);
    return false;
  }

  // An act of supervision; resolves when it is done, rejects with {code, text} when it is refused.
  act(act, fields = {}) {
    const id = `a${++this.number}`;
    return new Promise((resolve, reject) => {
      this.pending.set(id, { resolve, reject });
      if (!this.send({ type: "act", id, act, ...fields })) this.#fail(id, { code: "lost", text: "" });
    });
  }

  async #connect() {
    clearTimeout(this.retry);
    this.#drop();
    this.#set("connecting");
    const round = (this.round = Symbol("round"));
    const ahead = this.spare?.ahead;
    const answer = await this.#way();
    const stays = round === this.round && this.state === "connecting";
    if (!stays || !answer.ticket) ahead?.close();
    if (!stays) return;
    if (answer.ticket) this.#open(answer.ticket, ahead);
    else if (answer.code === "visit-not-open") this.#early(answer);
    else if (FINAL_CODES.has(answer.code)) this.#set("final", answer);
    else this.#again(answer);
  }

  // After a change of networks the connection that the browser has kept for us may be a dead one, which it does not
  // know yet: a second request, which takes another, overtakes the first.
  #ticket() {
    let timer;
    const second = new Promise((resolve) => {
      timer = setTimeout(() => resolve(this.#ask()), TICKET_OVERTAKES);
    });
    return Promise.race([this.#ask(), second]).finally(() => clearTimeout(timer));
  }

  // Asks for a ticket that may be needed in a moment, unless one came after `since`, or one was just asked for. Where it
  // came a connection can be made, too: that is begun `ahead`, for it takes several round trips.
  #provide(since) {
    const spare = (this.spare ??= { ticket: null, at: -Infinity, asked: -Infinity, asks: [], ahead: null });
    const now = performance.now();
    if (spare.at > since || now - spare.asked < SPARE_EVERY || spare.asks.length >= SPARE_MOST) return;
    spare.asked = now;
    const ask = this.#ask(SPARE_PATIENCE).then((answer) => {
      spare.asks = spare.asks.filter((other) => other !== ask);
      if (answer.ticket) Object.assign(spare, { ticket: answer, at: performance.now() });
      if (answer.ticket && this.doubted && spare === this.spare && !usable(spare.ahead)) spare.ahead = reach();
      return answer;
    });
    spare.asks = [...spare.asks, ask];
  }

  // The ticket that was asked for so, if it is there; else whatever comes first, of those on their way and a new one.
  async #way() {
    const { ticket, at, asks = [] } = this.spare ?? {};
    this.spare = null;
    if (ticket && performance.now() - at < SPARE_HOLDS) return ticket;
    const good = async (asked) => ((await asked).ticket ? asked : Promise.reject(await asked));
    return Promise.any([this.#ticket(), ...asks].map(good)).catch(({ errors }) => errors[0]);
  }

  async #ask(patience = TICKET_PATIENCE) {
    try {
      const response = await fetch(this.ticketUrl, {
        method: "POST",
        headers: { "X-CSRF-Token": this.csrf, Accept: "application/json" },
        signal: AbortSignal.timeout(patience),
      });
      return await response.json();
    } catch {
      return { code: "unreachable", text: "" };
    }
  }

  // `ahead`: a connection that was begun before, if any.
  #open(ticket, ahead) {
    const socket = (this.socket = usable(ahead) ? ahead : reach());
    const hello = () => this.send({ type: "hello", ticket, version: 1, video: codings() });
    this.heard = performance.now();
    if (socket.readyState === WebSocket.OPEN) hello();
    else socket.onopen = hello;
    socket.onmessage = (event) => socket === this.socket && this.#hear(JSON.parse(event.data));
    socket.onclose = (event) => socket === this.socket && this.#closed(event);
    this.pinger = setInterval(() => this.#ping(), 1000);
  }

  #ping() {
    const now = performance.now();
    if (now - this.heard > SILENCE) {
      this.#drop();
      this.#again({ code: "silent", text: "" });
    } else if (now - (this.pinged ?? 0) >= PING_EVERY) {
      this.pinged = now;
      this.send({ type: "ping", at: Math.round(now) });
    }
  }

  #hear(message) {
    this.heard = performance.now();
    this.answered = true;
    if (message.type === "welcome") {
      this.tries = 0;
      this.lastError = null;
      this.#set("open");
    } else if (message.type === "done") {
      this.pending.get(message.id)?.resolve(message);
      this.pending.delete(message.id);
    } else if (message.type === "refused") {
      this.#fail(message.id, message);
    } else if (message.type === "error") {
      this.lastError = message;
    } else if (message.type === "pong") {
      this.roundTrip = this.heard - message.at;
    }
    this.dispatchEvent(new CustomEvent(message.type, { detail: message }));
  }

  #closed(event) {
    this.#drop();
    const error = this.lastError ?? { code: event.code === 1000 ? "visit-over" : "lost", text: "" };
    const over = event.code === 1000 || FINAL_CLOSES.has(event.code);
    if (over || (event.code === 4401 && error.code === "session-ended")) this.#set("final", error);
    else this.#again(error, event.code === 1012);
  }

  #early(answer) {
    this.lostAt = performance.now();
    this.#set("early", answer);
    this.retry = setTimeout(() => this.#connect(), OPENS_AGAIN);
  }

  // Schedules the next try, at once when the room moved to another process.
  #again(error, atOnce = false) {
    if (this.state === "open") this.lostAt = performance.now();
    if (performance.now() - this.lostAt > this.windowMs) {
      this.#set("asleep", error);
      return;
    }
    const delay = atOnce && this.tries === 0 ? 0 : DELAYS[Math.min(this.tries, DELAYS.length - 1)];
    this.tries += 1;
    this.#set("lost", error);
    this.retry = setTimeout(() => this.#connect(), delay);
  }

  // The network or the screen is back: do not wait for the timer. `anew`: nor for what began in another network; a
  // browser says so before the way out is there, so the first try may fail and the next ones come soon.
  #hurry({ anew = false } = {}) {
    const begun = anew && this.state === "connecting" && this.socket?.readyState !== WebSocket.OPEN;
    if (document.visibilityState !== "visible" || !(this.state === "lost" || begun)) return;
    if (anew) this.tries = 0;
    this.#connect();
  }

  #drop() {
    clearInterval(this.pinger);
    const socket = this.socket;
    this.socket = null;
    if (socket && socket.readyState <= WebSocket.OPEN) socket.close();
    for (const id of [...this.pending.keys()]) this.#fail(id, { code: "lost", text: "" });
  }

  #fail(id, error) {
    this.pending.get(id)?.reject(error);
    this.pending.delete(id);
  }

  #set(state, error = {}) {
    this.state = state;
    this.dispatchEvent(new CustomEvent("status", { detail: { state, ...error } }));
  }
}

// The page's clock, which stands still; `pass(ms)` lets so much time pass. Counts what the page sends and hears, so that a
// test knows when all of it has arrived. And plays the media connection that `senses.js` watches: packets come every
// 20 ms of that clock while `media.flow` is set.
window.counts = { made: 0, opened: 0, failed: 0, sent: 0, heard: 0, asked: 0, answered: 0 };
window.log = [];
window.media = { flow: true, stamp: 0 };

let now = 1000000;
let ids = 0;
const timers = new Map();
const timer = (every) => (work, ms = 0) => {
  timers.set(++ids, { at: now + ms, every: every && Math.max(1, ms), work });
  return ids;
};
performance.now = () => now;
window.setTimeout = timer(false);
window.setInterval = timer(true);
window.clearTimeout = window.clearInterval = (id) => timers.delete(id);

// Runs all timers that are due within `ms`; stops when anything was sent or came, and answers how much is left.
window.pass = async (ms) => {
  const end = now + ms;
  const before = JSON.stringify(counts);
  while (now < end && JSON.stringify(counts) === before) {
    const [id, next] = [...timers].reduce((a, b) => (b[1].at < a[1].at ? b : a), [0, { at: end }]);
    now = Math.max(now, next.at);
    if (!next.work) break;
    if (next.every) next.at += next.every;
    else timers.delete(id);
    next.work();
    await new Promise((resolve) => {
      const channel = new MessageChannel();
      channel.port1.onmessage = resolve;
      channel.port2.postMessage(0);
    });
  }
  return end - now;
};

const Original = window.WebSocket;
window.WebSocket = class extends Original {
  constructor(...given) {
    super(...given);
    counts.made += 1;
    let opened = false;
    this.addEventListener("open", () => (opened = true) && (counts.opened += 1));
    this.addEventListener("message", () => (counts.heard += 1));
    this.addEventListener("close", () => !opened && !this.left && (counts.failed += 1));
  }
  send(text) {
    super.send(text);
    counts.sent += 1;
  }
  close(...given) {
    this.left = true;
    super.close(...given);
  }
};
const ask = window.fetch;
window.fetch = async (...given) => {
  counts.asked += 1;
  const answer = await ask(...given);
  const body = await answer.text(); // whole before it counts: what the page does with it follows in the same turn
  answer.json = async () => JSON.parse(body);
  counts.answered += 1;
  return answer;
};

class Media extends EventTarget {
  constructor() {
    super();
    setInterval(() => media.flow && (media.stamp += 1), 20);
  }
  newest() {
    return String(media.stamp);
  }
  async arrived() {
    return media.stamp;
  }
}

window.begin = async (windowMs) => {
  const [{ Signal }, { Senses }] = await Promise.all([import("/js/call/socket.js"), import("/js/call/senses.js")]);
  const note = (what) => log.push([Math.round(performance.now()), what]);
  window.signal = new Signal({ ticketUrl: "/ticket", csrf: "", windowMs });
  signal.addEventListener("status", ({ detail }) => note(detail.state));
  const senses = new Senses(signal);
  senses.addEventListener("elsewhere", () => note("restart"));
  senses.follow(new Media());
  signal.start();
};

// How good the way to the server is: our own picture and sound go there and come back for some seconds.

import { Peer } from "./peer.js";
import { Signal } from "./socket.js";
import { csrf } from "./page.js";

const MEASURE = 5000; // ms
const PATIENCE = 15000; // ms till media must have come back
// Rules U13 and U15: up to 200 ms and 1 % a call is good; beyond 300 ms or 5 % it is hard work.
const GOOD = { roundTrip: 200, loss: 1 };
const POOR = { roundTrip: 300, loss: 5 };

const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

// {state: "good"|"warn"|"bad", code, roundTrip (ms), loss (percent), bits (per second), relay}
export async function measure({ ticketUrl, stream }) {
  const direct = await leg({ ticketUrl, stream, relay: false });
  const relay = direct.iceServers?.length ? await leg({ ticketUrl, stream, relay: true }) : null;
  const best = direct.code === "unreachable" && relay?.code === "measured" ? relay : direct;
  const { iceServers, ...found } = best;
  return { ...judge(found), relay: relay ? judge(relay).code : "none", relayNeeded: best === relay };
}

function judge({ code, ...found }) {
  if (code !== "measured") return { state: "bad", code, ...found };
  if (found.received === 0) return { state: "bad", code: "unreachable", ...found };
  const loss = Math.max(found.loss, found.lossUp);
  const worse = (limits) => found.roundTrip > limits.roundTrip || loss > limits.loss;
  if (worse(POOR)) return { state: "bad", code: "poor", ...found };
  return worse(GOOD) ? { state: "warn", code: "fair", ...found } : { state: "good", code: "good", ...found };
}

async function leg({ ticketUrl, stream, relay }) {
  const signal = new Signal({ ticketUrl, csrf, windowMs: 0 });
  signal.addEventListener("check", ({ detail }) => (signal.told = detail));
  let iceServers = [];
  try {
    const peer = await connect(signal, stream, relay, (servers) => (iceServers = servers));
    const before = await peer.statistics();
    await pause(MEASURE);
    const after = await peer.statistics();
    peer.close();
    const told = signal.told ?? {};
    const lost = after.lost - before.lost;
    const received = after.received - before.received;
    return {
      code: "measured",
      iceServers,
      roundTrip: Math.round(after.roundTrip ?? signal.roundTrip ?? 0),
      loss: Number(((100 * lost) / Math.max(1, lost + received)).toFixed(2)),
      bits: Math.round(((after.bytes - before.bytes) * 8000) / MEASURE),
      // What the server missed of what we sent, since the leg stands.
      lossUp: Number(((100 * (told.lost_up ?? 0)) / Math.max(1, (told.lost_up ?? 0) + (told.packets_up ?? 0))).toFixed(2)),
      received,
    };
  } catch (error) {
    return { code: error.cause ?? "unreachable", iceServers };
  } finally {
    signal.stop();
  }
}

// A Peer that is connected; rejects with an Error whose `cause` is the code of what went wrong.
function connect(signal, stream, relay, welcomed) {
  return new Promise((resolve, reject) => {
    const fail = (code) => reject(new Error(code, { cause: code }));
    const timer = setTimeout(() => fail("unreachable"), PATIENCE);
    let peer = null;
    let servers = [];
    signal.addEventListener("welcome", ({ detail }) => welcomed((servers = detail.ice_servers)));
    signal.addEventListener("offer", async ({ detail }) => {
      peer = new Peer(servers, { relay });
      peer.addEventListener("state", ({ detail: { state } }) => {
        if (state !== "connected") return;
        clearTimeout(timer);
        resolve(peer);
      });
      signal.send({ type: "answer", offer: detail.id, sdp: await peer.answer(detail, stream) });
    });
    signal.addEventListener("status", ({ detail }) => {
      if (!["lost", "final", "asleep"].includes(detail.state) || !detail.code) return;
      clearTimeout(timer);
      fail(["sign-in-needed", "session-ended"].includes(detail.code) ? "signedOut" : "unreachable");
    });
    signal.start();
  });
}

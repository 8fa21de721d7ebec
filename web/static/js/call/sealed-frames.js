// The worker that seals and opens encoded frames. A frame: what must stay readable | sealed bytes and tag | trailer.
//
// Sealing is AES-128-GCM as in SFrame (RFC 9605 section 4.4): key and salt by HKDF from the sender's secret, the nonce
// is the salt xor the frame's counter, the trailer (4 bytes of key id, 8 of counter) and the readable bytes
// are authenticated. The trailer stands behind, not before as there: the first bytes of a picture are what relays and
// packetisers look at (VP8, RFC 6386 section 9.1: 10 bytes of a key frame, 3 of others).

const READABLE = { audio: () => 1, video: (frame) => (frame.type === "key" ? 10 : 3) };
const TRAILER = 12;
const TAG = 16;

let mode = "waiting";
let own = null; // {id, key, salt}
let counter = 0n;
const cameras = new Set(); // transformers of own pictures, which can be asked for a whole one
const theirs = new Map(); // key id -> {key, salt}

async function derive(secret) {
  const base = await crypto.subtle.importKey("raw", secret, "HKDF", false, ["deriveKey", "deriveBits"]);
  const shape = (label) => ({
    name: "HKDF", hash: "SHA-256", salt: new Uint8Array(0), info: new TextEncoder().encode(`SFrame 1.0 ${label}`),
  });
  const key = await crypto.subtle.deriveKey(
    shape("key"), base, { name: "AES-GCM", length: 128 }, false, ["encrypt", "decrypt"],
  );
  return { key, salt: new Uint8Array(await crypto.subtle.deriveBits(shape("salt"), base, 96)) };
}

function nonce(salt, count) {
  const made = salt.slice();
  const view = new DataView(made.buffer);
  view.setBigUint64(4, view.getBigUint64(4) ^ count);
  return made;
}

function joined(...parts) {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

async function seal(frame, kind) {
  if (mode === "open") return true;
  if (mode !== "sealed" || !own) return false;
  const data = new Uint8Array(frame.data);
  const readable = data.subarray(0, Math.min(data.length, READABLE[kind](frame)));
  const trailer = new Uint8Array(TRAILER);
  const view = new DataView(trailer.buffer);
  const count = counter;
  counter += 1n;
  view.setUint32(0, own.id);
  view.setBigUint64(4, count);
  const shape = { name: "AES-GCM", iv: nonce(own.salt, count), additionalData: joined(readable, trailer) };
  const sealed = await crypto.subtle.encrypt(shape, own.key, data.subarray(readable.length));
  frame.data = joined(readable, new Uint8Array(sealed), trailer).buffer;
  return true;
}

async function open(frame, kind) {
  if (mode === "open") return true;
  const data = new Uint8Array(frame.data);
  const length = READABLE[kind](frame);
  if (mode !== "sealed" || data.length < length + TAG + TRAILER) return false;
  const readable = data.subarray(0, length);
  const trailer = data.subarray(data.length - TRAILER);
  const view = new DataView(trailer.buffer, trailer.byteOffset);
  const sender = theirs.get(view.getUint32(0));
  if (!sender) return false;
  const count = view.getBigUint64(4);
  const shape = { name: "AES-GCM", iv: nonce(sender.salt, count), additionalData: joined(readable, trailer) };
  try {
    const plain = await crypto.subtle.decrypt(shape, sender.key, data.subarray(length, data.length - TRAILER));
    frame.data = joined(readable, new Uint8Array(plain)).buffer;
  } catch {
    return false; // changed on its way, or sealed for somebody else
  }
  return true;
}

function run({ side, kind, sealed }, readable, writable) {
  if (!sealed) {
    readable.pipeTo(writable).catch(() => undefined);
    return;
  }
  const work = side === "send" ? seal : open;
  const transform = async (frame, controller) => {
    if (await work(frame, kind)) controller.enqueue(frame);
  };
  readable.pipeThrough(new TransformStream({ transform })).pipeTo(writable).catch(() => undefined);
}

self.onrtctransform = ({ transformer }) => {
  const { side, kind } = transformer.options;
  if (side === "send" && kind === "video") cameras.add(transformer);
  run(transformer.options, transformer.readable, transformer.writable);
};

// What was kept back cannot be built upon: pictures begin anew with a whole one.
function change(to) {
  if (to === mode) return;
  mode = to;
  for (const camera of cameras) camera.generateKeyFrame().catch(() => cameras.delete(camera));
}

self.onmessage = async ({ data }) => {
  if (data.op === "mode") change(data.mode);
  else if (data.op === "streams") run(data.options, data.readable, data.writable);
  else if (data.op === "own") own = { id: data.id, ...(await derive(data.secret)) };
  else if (data.op === "theirs") theirs.set(data.id, await derive(data.secret));
};

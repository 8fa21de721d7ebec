// The terminal's own key: ECDSA P-256, made here and not extractable, kept in this browser's IndexedDB.
// Whoever copies the disk's files without the browser's profile has nothing; the server knows the public half.

const NAME = "kinbridge-terminal";
const STORE = "key";

function database() {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(NAME, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE);
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

async function inStore(mode, act) {
  const db = await database();
  try {
    return await new Promise((resolve, reject) => {
      const transaction = db.transaction(STORE, mode);
      const request = act(transaction.objectStore(STORE));
      transaction.oncomplete = () => resolve(request.result);
      transaction.onabort = () => reject(transaction.error);
    });
  } finally {
    db.close();
  }
}

/** {device, privateKey} of this terminal, or undefined where it was never enrolled. */
export function storedKey() {
  return inStore("readonly", (store) => store.get("terminal"));
}

export function keepKey(device, privateKey) {
  return inStore("readwrite", (store) => store.put({ device, privateKey }, "terminal"));
}

/** A new pair; the public half as base64 of its SubjectPublicKeyInfo (RFC 5280 section 4.1.2.7). */
export async function makeKey() {
  const pair = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, false, ["sign"]);
  const publicKey = base64(await crypto.subtle.exportKey("spki", pair.publicKey));
  return { privateKey: pair.privateKey, publicKey };
}

/** ECDSA with SHA-256 over the UTF-8 text, as r ‖ s of 32 bytes each, in base64. */
export async function sign(privateKey, text) {
  const bytes = new TextEncoder().encode(text);
  return base64(await crypto.subtle.sign({ name: "ECDSA", hash: "SHA-256" }, privateKey, bytes));
}

function base64(buffer) {
  return btoa(String.fromCharCode(...new Uint8Array(buffer)));
}

/** POST of JSON with the page's CSRF value; resolves to {ok, status, body}. */
export async function post(url, value) {
  const response = await fetch(url, {
    method: "POST",
    headers: {
      "Content-Type": "application/json",
      Accept: "application/json",
      "X-CSRF-Token": document.querySelector('meta[name="csrf"]').content,
    },
    body: JSON.stringify(value),
  });
  return { ok: response.ok, status: response.status, body: await response.json().catch(() => ({})) };
}

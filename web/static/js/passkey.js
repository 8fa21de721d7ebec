/* Signing in with a passkey: asks for a challenge, lets the device answer it, goes on. Shown only where the
   browser can do it; the password beside it always works. */

const box = document.getElementById("passkey");
const button = document.getElementById("passkey-button");
const status = document.getElementById("passkey-status");
const token = document.querySelector("meta[name=csrf]").content;

function toBytes(text) {
  const padded = text.replace(/-/g, "+").replace(/_/g, "/").padEnd(Math.ceil(text.length / 4) * 4, "=");
  return Uint8Array.from(atob(padded), (c) => c.charCodeAt(0));
}

function toText(buffer) {
  if (!buffer) return null;
  const text = btoa(String.fromCharCode(...new Uint8Array(buffer)));
  return text.replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
}

async function post(path, body) {
  const response = await fetch(path, {
    method: "POST",
    headers: { "content-type": "application/json", accept: "application/json", "x-csrf-token": token },
    body: JSON.stringify(body),
  });
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.text);
  return answer;
}

async function signIn() {
  const question = await post("/api/v1/signin/passkey/options", {});
  const options = question.options;
  const credential = await navigator.credentials.get({
    publicKey: {
      ...options,
      challenge: toBytes(options.challenge),
      allowCredentials: (options.allowCredentials || []).map((one) => ({ ...one, id: toBytes(one.id) })),
    },
  });
  const given = credential.response;
  const answer = await post("/api/v1/signin/passkey", {
    challenge_id: question.challenge_id,
    next: box.dataset.next,
    credential: {
      id: credential.id,
      rawId: toText(credential.rawId),
      type: credential.type,
      response: {
        clientDataJSON: toText(given.clientDataJSON),
        authenticatorData: toText(given.authenticatorData),
        signature: toText(given.signature),
        userHandle: toText(given.userHandle),
      },
    },
  });
  window.location.assign(answer.next);
}

if (window.PublicKeyCredential && navigator.credentials) {
  box.hidden = false;
  button.addEventListener("click", async () => {
    button.disabled = true;
    status.textContent = status.dataset.busy;
    try {
      await signIn();
    } catch {
      status.textContent = status.dataset.failed;
      button.disabled = false;
    }
  });
}

// A terminal that is switched on signs in by itself: the server's challenge, signed with the device's key.
// What cannot be mended here is said in one sentence, and tried again, because nobody types at this screen.

import { post, sign, storedKey } from "./terminal-key.js";

const page = document.querySelector("[data-terminal-start]");
const AGAIN_MS = 5000;

function show(name) {
  for (const part of page.querySelectorAll("[data-part]")) part.hidden = part.dataset.part !== name;
}

async function start() {
  const key = await storedKey();
  if (!key) return show("enrol");
  const challenge = await post(page.dataset.challenge, { device: key.device });
  if (!challenge.ok) return refused(challenge);
  const signature = await sign(key.privateKey, challenge.body.message);
  const answer = await post(page.dataset.signIn, { id: challenge.body.id, signature });
  if (!answer.ok) return refused(answer);
  location.replace(page.dataset.home);
}

function refused(answer) {
  if (answer.body.code === "device-refused") return show("refused");
  again();
}

function again() {
  show("again");
  setTimeout(() => start().catch(again), AGAIN_MS);
}

start().catch(again);

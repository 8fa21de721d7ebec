// Enrolment: the one-time code proves that an administrator stands behind this screen; the key made here is
// what the terminal signs in with from now on.

import { keepKey, makeKey, post } from "./terminal-key.js";

const form = document.querySelector("[data-enrol]");
const problem = document.querySelector("[data-enrol-problem]");

function say(text) {
  problem.textContent = text;
  problem.hidden = !text;
  if (text) problem.focus();
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = form.querySelector("button[type=submit]");
  button.disabled = true;
  say("");
  try {
    const { privateKey, publicKey } = await makeKey();
    const code = form.elements.code.value.replaceAll(/[\s-]/g, "").toUpperCase();
    const answer = await post(form.action, { code, public_key: publicKey });
    if (!answer.ok) return say(answer.body.text ?? form.dataset.failed);
    await keepKey(answer.body.device, privateKey);
    location.assign(form.dataset.next);
  } catch {
    say(form.dataset.failed);
  } finally {
    button.disabled = false;
  }
});

form.querySelector("button[type=submit]").disabled = false;

// Adding a passkey to one's own account: the device makes the key, the server keeps its public half.

const form = document.querySelector("[data-passkey-add]");
const problem = form.querySelector("[data-passkey-problem]");

async function post(url, value) {
  const response = await fetch(url, {
    method: "POST",
    headers: {
      "Content-Type": "application/json",
      Accept: "application/json",
      "X-CSRF-Token": document.querySelector('meta[name="csrf"]').content,
    },
    body: JSON.stringify(value),
  });
  const body = await response.json();
  if (!response.ok) throw new Error(body.text);
  return body;
}

async function add() {
  const asked = await post(form.dataset.options, {});
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(asked.options);
  const credential = await navigator.credentials.create({ publicKey });
  const name = form.elements["passkey-name"].value;
  await post(form.dataset.save, { id: asked.id, name, credential: credential.toJSON() });
  location.reload();
}

if (window.PublicKeyCredential?.parseCreationOptionsFromJSON) {
  form.hidden = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    problem.hidden = true;
    try {
      await add();
    } catch {
      problem.textContent = form.dataset.failed;
      problem.hidden = false;
      delete form.dataset.sent;
    }
  });
}

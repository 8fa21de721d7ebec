// The answer beside the face: sent without leaving the talk.

const form = document.getElementById("beside-form");
const said = document.getElementById("beside-said");

// True when the server took it; it answers a taken form with a way elsewhere, which is not followed here.
async function sent(from) {
  try {
    const response = await fetch(from.action, { method: "POST", body: new FormData(from), redirect: "manual" });
    return response.type === "opaqueredirect" || response.ok;
  } catch {
    return false;
  }
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const words = form.elements.words;
  const done = await sent(form);
  said.textContent = done ? said.dataset.sent : said.dataset.lost;
  if (!done) return;
  const kept = document.createElement("p");
  kept.className = "words beside-advice";
  kept.textContent = words.value;
  form.before(kept);
  words.value = "";
});

const more = document.getElementById("beside-more");
more.addEventListener("submit", async (event) => {
  event.preventDefault();
  if (!(await sent(more))) said.textContent = said.dataset.lost;
});

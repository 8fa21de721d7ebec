// A confidential page on a shared screen goes away by itself: after so many seconds without a touch the form
// "I am finished" is sent.

const form = document.querySelector("[data-idle]");
let timer;

function again() {
  clearTimeout(timer);
  timer = setTimeout(() => form.requestSubmit(), Number(form.dataset.idle) * 1000);
}

if (form) {
  for (const kind of ["pointerdown", "keydown", "input"]) addEventListener(kind, again, { passive: true });
  again();
}

// The terminal's home: the clock, the time till the next visit, and the way into it when it opens. All times
// count from what the server said, with this machine's monotonic clock: a wrong wall clock changes nothing.

const ENTERED = "entered-visit";

function tickClock(element) {
  const started = performance.now();
  const atFirst = Date.parse(element.dataset.now);
  const format = new Intl.DateTimeFormat(document.documentElement.lang, {
    timeZone: element.dataset.zone,
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23",
  });
  const tick = () => {
    const now = new Date(atFirst + performance.now() - started);
    const text = format.format(now);
    if (element.textContent !== text) element.textContent = text;
  };
  tick();
  setInterval(tick, 500);
}

/** Goes into the visit by itself, once: who has left it again finds the large button. */
function enterWhenOpen() {
  const visit = document.querySelector("[data-enter]");
  if (!visit || sessionStorage.getItem(ENTERED) === visit.dataset.booking) return;
  sessionStorage.setItem(ENTERED, visit.dataset.booking);
  location.assign(visit.dataset.enter);
}

for (const element of document.querySelectorAll("[data-wall-clock]")) tickClock(element);
document.addEventListener("fresh", enterWhenOpen);
enterWhenOpen();

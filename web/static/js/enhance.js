/* Small comforts for pages that work without them: the error summary takes the focus, a form is not sent
   twice, a file that is too large is told of before it is sent, moments show the reader's own time where it
   differs, and a countdown runs on the page's own clock from the duration the server gave. */

const LANGUAGE = document.documentElement.lang;

function focusWhatIsWrong() {
  const summary = document.querySelector("[data-focus]");
  if (summary) summary.focus();
}

// On a telephone the pages stand in a row that is wider than the screen: the one that is open is in sight.
function showWhereWeAre() {
  const here = document.querySelector(".staff-nav [aria-current]");
  const row = here?.closest("ul");
  if (row) row.scrollLeft = here.offsetLeft - row.offsetLeft - (row.clientWidth - here.offsetWidth) / 2;
}

function sendOnce() {
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.dataset.sent) {
      event.preventDefault();
      return;
    }
    form.dataset.sent = "1";
  });
  // A page that comes back from the browser's memory can be sent again.
  window.addEventListener("pageshow", () => {
    for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
  });
}

function checkFiles() {
  for (const input of document.querySelectorAll("input[type=file][data-max-bytes]")) {
    input.addEventListener("change", () => {
      const limit = Number(input.dataset.maxBytes);
      const tooLarge = Array.from(input.files).some((file) => file.size > limit);
      input.setCustomValidity(tooLarge ? input.dataset.tooLarge : "");
      if (tooLarge) input.reportValidity();
    });
  }
}

function offsetMinutes(moment, zone) {
  const parts = new Intl.DateTimeFormat("en-GB", {
    timeZone: zone, hourCycle: "h23", year: "numeric", month: "2-digit", day: "2-digit",
    hour: "2-digit", minute: "2-digit", second: "2-digit",
  }).formatToParts(moment);
  const value = (type) => Number(parts.find((part) => part.type === type).value);
  const wall = Date.UTC(value("year"), value("month") - 1, value("day"), value("hour"), value("minute"), value("second"));
  return Math.round((wall - moment.getTime()) / 60000);
}

function tellOwnTime() {
  const own = Intl.DateTimeFormat().resolvedOptions().timeZone;
  for (const time of document.querySelectorAll("time[data-zone]")) {
    const moment = new Date(time.dateTime);
    if (!own || offsetMinutes(moment, time.dataset.zone) === offsetMinutes(moment, own)) continue;
    const words = new Intl.DateTimeFormat(LANGUAGE, {
      timeZone: own, weekday: "short", hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZoneName: "short",
    }).format(moment);
    const note = document.createElement("span");
    note.className = "own-time";
    note.textContent = LANGUAGE === "en" ? ` (your time: ${words})` : `（您当地时间：${words}）`;
    time.after(note);
  }
}

function countDown() {
  for (const element of document.querySelectorAll("[data-remaining-ms]")) {
    const end = performance.now() + Number(element.dataset.remainingMs);
    const show = () => {
      const seconds = Math.max(0, Math.round((end - performance.now()) / 1000));
      element.textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
      if (seconds > 0) return;
      clearInterval(timer);
      const over = document.getElementById(element.dataset.over || "");
      if (over) over.hidden = false;
    };
    const timer = setInterval(show, 1000);
    show();
  }
}

/* The page shows what there is to do now: when the waiting room opens, it is asked for again. */
function reloadWhenDue() {
  const waits = Array.from(document.querySelectorAll("[data-due-ms]"), (element) => Number(element.dataset.dueMs));
  const soonest = Math.min(...waits.filter((wait) => wait > 0));
  if (soonest < 12 * 3600 * 1000) setTimeout(() => window.location.reload(), soonest + 1000);
}

function showWhatNeedsScripts() {
  for (const element of document.querySelectorAll(".script-only, .no-script-only")) element.classList.add("scripted");
}

showWhatNeedsScripts();
showWhereWeAre();
focusWhatIsWrong();
sendOnce();
checkFiles();
tellOwnTime();
countDown();
reloadWhenDue();

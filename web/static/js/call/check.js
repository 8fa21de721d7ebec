// The device check: five parts, each with a result in plain words and one way to mend it.

import { TEST_TONE, Meter, begin, obstacle, open, play } from "./devices.js";
import { $, csrf, hasText, page, show, text, write } from "./page.js";
import { measure } from "./network.js";

const PARTS = ["browser", "camera", "microphone", "speaker", "network"];
const HEARD_FROM = 0.2; // level of the bar that counts as a voice
const QUIET_AFTER = 8000; // ms without one

export class Check extends EventTarget {
  constructor() {
    super();
    this.results = Object.fromEntries(PARTS.map((part) => [part, { state: "wait", code: "wait" }]));
    this.measured = {};
    this.stream = new MediaStream();
    $("check-start").addEventListener("click", () => this.run());
    $("check-again").addEventListener("click", () => this.run());
    $("tone-play").addEventListener("click", () => this.#tone());
    $("tone-heard").addEventListener("click", () => this.#mark("speaker", "good", "good"));
    $("tone-silent").addEventListener("click", () => this.#mark("speaker", "bad", "silent"));
    $("report").addEventListener("submit", () => this.#fillReport());
  }

  // The whole check; may be run again after something was mended.
  async run() {
    show($("check-before"), false);
    show($("check-parts"), true);
    $("check-again").disabled = true;
    await this.openDevices();
    this.#ask();
    await this.#network();
    $("check-again").disabled = false;
    this.dispatchEvent(new Event("done"));
  }

  // Browser, camera and microphone: what a call needs before anything else.
  async openDevices() {
    this.close();
    const blocked = obstacle();
    this.#mark("browser", blocked ? "bad" : "good", blocked ?? "good");
    for (const part of ["camera", "microphone"]) this.#mark(part, "busy", "busy");
    const opened = await open();
    this.stream = opened.stream;
    this.#mark("camera", opened.camera ? "bad" : "good", opened.camera ?? "good");
    this.#mark("microphone", opened.microphone ? "bad" : "busy", opened.microphone ?? "speak");
    await this.#preview();
    if (!opened.microphone) this.#listen();
    this.dispatchEvent(new CustomEvent("devices", { detail: opened }));
    return opened;
  }

  close() {
    this.stopMeter();
    for (const track of this.stream.getTracks()) track.stop();
  }

  stopMeter() {
    this.meter?.stop();
    clearTimeout(this.quiet);
  }

  async #preview() {
    const video = $("preview");
    const [track] = this.stream.getVideoTracks();
    show($("preview-frame"), Boolean(track));
    if (!track) return;
    video.srcObject = new MediaStream([track]);
    await begin(video);
    const { width, height, frameRate } = track.getSettings();
    this.measured.camera = { width, height, frameRate: Math.round(frameRate ?? 0) };
  }

  #listen() {
    const bar = $("microphone-bar");
    let loudest = 0;
    this.meter = new Meter(this.stream, (level) => {
      bar.style.setProperty("--level", level);
      loudest = Math.max(loudest, level);
      this.measured.microphone = { loudest: Number(loudest.toFixed(2)) };
      if (level > HEARD_FROM && this.results.microphone.state !== "good") {
        clearTimeout(this.quiet);
        this.#mark("microphone", "good", "good");
      }
    });
    this.quiet = setTimeout(() => this.#mark("microphone", "warn", "quiet"), QUIET_AFTER);
  }

  #ask() {
    if (this.results.speaker.state === "good") return;
    this.#mark("speaker", "wait", "ask");
    show($("tone"), true);
    show($("tone-answer"), false);
  }

  async #tone() {
    $("tone-play").disabled = true;
    this.#mark("speaker", "busy", "playing");
    await play(TEST_TONE).catch(() => undefined);
    $("tone-play").disabled = false;
    this.#mark("speaker", "wait", "heard");
    show($("tone-answer"), true);
  }

  async #network() {
    this.#mark("network", "busy", "busy");
    const found = await measure({ ticketUrl: page.checkTicket, stream: this.stream });
    this.measured.network = found;
    this.#mark("network", found.state, found.code, {
      ms: Math.round(found.roundTrip ?? 0), percent: Math.max(found.loss ?? 0, found.lossUp ?? 0).toFixed(1),
    });
  }

  #mark(part, state, code, values = {}) {
    this.results[part] = { state, code };
    const row = $(`tick-${part}`);
    row.dataset.state = state;
    const name = hasText(`check.${part}.${code}`) ? `check.${part}.${code}` : `check.device.${code}`;
    write(row.querySelector(".tick-result"), text(name, values));
    const mend = row.querySelector(".tick-mend");
    const mending = [`mend.${part}.${code}`, `mend.device.${code}`].find(hasText);
    show(mend, Boolean(mending));
    if (mending) write(mend, text(mending));
    if (part === "speaker" && (state === "good" || state === "bad")) show($("tone-answer"), false);
    this.#sum();
  }

  // The one sentence above the parts.
  #sum() {
    const states = Object.values(this.results).map((result) => result.state);
    const sum = states.includes("bad") ? "bad"
      : states.includes("warn") ? "warn"
        : states.includes("busy") ? "busy" : states.includes("wait") ? "wait" : "good";
    $("check-sum").dataset.state = sum;
    this.#tell(sum);
    write($("check-sum-text"), text(`check.sum.${sum}`));
    show($("report"), sum !== "busy");
  }

  // A check that failed before a visit is told once; an officer may be asked to help.
  #tell(sum) {
    if (sum === "busy") this.told = false;
    if (sum !== "bad" || this.told || !page.checkFailed) return;
    this.told = true;
    fetch(page.checkFailed, { method: "POST", headers: { "X-CSRF-Token": csrf } }).catch(() => undefined);
  }

  #fillReport() {
    // The page's own guard against double sending must not keep the report from being saved again.
    setTimeout(() => delete $("report").dataset.sent);
    $("report-data").value = JSON.stringify({
      results: this.results,
      measured: this.measured,
      browser: navigator.userAgent,
      screen: `${screen.width}x${screen.height}@${devicePixelRatio}`,
      path: location.pathname,
    });
  }
}


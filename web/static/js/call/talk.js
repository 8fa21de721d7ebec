// The call itself: the others' faces, my own picture, the time, the officer's words, four buttons.

import { face } from "./clock.js";
import { CHIME, begin, play } from "./devices.js";
import { Faces, fitWords } from "./faces.js";
import { $, reusable, show, text, write } from "./page.js";
import { tell } from "./seal-badge.js";

const SAID_FOR = 15000; // ms the officer's words stay; warnings stay until the next words
const HURRY = { soon: 5 * 60000, last: 2 * 60000 };

export class Call {
  constructor(clock, connection) {
    Object.assign(this, { clock, connection, link: "open", media: "new" });
    this.faces = new Faces($("faces"), { blocked: () => show($("hear-now"), true) });
    connection.addEventListener("line", ({ detail }) => this.faces.attach(detail.line, detail.stream));
    connection.addEventListener("announce", ({ detail }) => this.#announce(detail.stream));
    connection.addEventListener("notice", ({ detail }) => this.#notice(detail));
    connection.addEventListener("seal", ({ detail }) => tell(detail));
    connection.addEventListener("media", ({ detail }) => this.#media(detail.state));
    $("hear-now").addEventListener("click", () => this.#hear());
    $("microphone-switch").addEventListener("click", () => this.#toggle("microphone"));
    $("camera-switch").addEventListener("click", () => this.#toggle("camera"));
    $("leave").addEventListener("click", () => $("leave-dialog").showModal());
    $("help").addEventListener("click", () => $("help-dialog").showModal());
    $("help-form").addEventListener("submit", () => this.#help());
    for (const dialog of [$("leave-dialog"), $("help-dialog")]) {
      reusable(dialog);
      dialog.querySelector("[data-close]").addEventListener("click", () => dialog.close());
    }
  }

  preview(stream) {
    const [track] = stream.getVideoTracks();
    this.has = { camera: Boolean(track), microphone: stream.getAudioTracks().length > 0 };
    $("camera-switch").disabled = !this.has.camera;
    $("microphone-switch").disabled = !this.has.microphone;
    this.#buttons();
    if (!track) return;
    $("own").srcObject = new MediaStream([track]);
    begin($("own"));
  }

  update(state, me) {
    this.state = state;
    this.me = me;
    const others = state.people.filter((person) => !person.you && person.state === "admitted");
    this.faces.update(others);
    const alone = !others.some((person) => person.line !== null);
    show($("nobody"), alone && state.phase === "live");
    const paused = state.phase === "paused";
    show($("paused"), paused);
    if (paused) write($("paused-text"), state.pause?.text ?? "");
    show($("muted-note"), Boolean(me?.muted));
    show($("recorded-badge"), state.recording.running);
    $("stage").dataset.phase = state.phase;
    this.#connectionWord();
    this.tick();
  }

  status({ state, code }) {
    this.link = state;
    const lost = state === "lost" || (state === "asleep" && Boolean(code));
    show($("lost"), lost);
    write($("lost-text"), text(state === "asleep" ? "lost.asleep" : "lost.call"));
    show($("lost-again"), state === "asleep" && Boolean(code));
    this.#connectionWord();
  }

  tick() {
    if (document.body.dataset.step !== "call") return;
    const left = this.clock.remaining;
    write($("remaining"), face(left));
    $("remaining").dataset.hurry = left <= HURRY.last ? "last" : left <= HURRY.soon ? "soon" : "no";
    show($("clock-stands"), !this.clock.running);
  }

  close() {
    for (const video of [$("own"), $("announce")]) video.srcObject = null;
    for (const dialog of [$("leave-dialog"), $("help-dialog")]) if (dialog.open) dialog.close();
    clearTimeout(this.unsay);
  }

  #announce(stream) {
    $("announce").srcObject = stream;
    begin($("announce")).then((started) => started || show($("hear-now"), true));
  }

  async #hear() {
    const started = await this.faces.playAll();
    const voice = await begin($("announce"));
    show($("hear-now"), !(started && voice));
  }

  // Everything the server wants said: shown in a band of its own and read out by screen readers.
  #notice({ notice, text: words }) {
    const lasting = notice === "warning";
    const band = $("said");
    band.dataset.kind = notice;
    write($("said-text"), words);
    show($("said-mark"), true);
    write($("said-who"), text(["warning", "officer"].includes(notice) ? "said.officer" : "said.platform"));
    band.dataset.empty = "false";
    play(CHIME).catch(() => undefined);
    clearTimeout(this.unsay);
    if (!lasting) this.unsay = setTimeout(() => this.#silence(), SAID_FOR);
  }

  #silence() {
    $("said").dataset.empty = "true";
    show($("said-mark"), false);
    write($("said-text"), "");
    write($("said-who"), "");
  }

  #media(state) {
    this.media = state;
    this.#connectionWord();
  }

  #connectionWord() {
    const away = this.link !== "open" || ["disconnected", "failed"].includes(this.media);
    const quality = away ? "lost" : (this.me?.quality ?? "unknown");
    $("connection").dataset.quality = quality;
    write($("connection-word"), text(`quality.${quality}`));
    const words = this.state ? fitWords(this.state.people) : "";
    show($("connection-hint"), words !== "" || quality === "poor");
    write($("connection-hint-text"), words || text("fit.yours.small"));
  }

  #toggle(device) {
    this.connection.devices({ [device]: !this.connection.switched[device] });
    this.#buttons();
  }

  #buttons() {
    for (const device of ["microphone", "camera"]) {
      const on = this.connection.switched[device] && this.has[device];
      const button = $(`${device}-switch`);
      button.setAttribute("aria-pressed", String(on));
      const word = this.has[device] ? (on ? "on" : "off") : "none";
      write(button.querySelector("[data-word]"), text(`switch.${device}.${word}`));
    }
    show($("own"), this.connection.switched.camera && this.has.camera);
    show($("own-off"), !(this.connection.switched.camera && this.has.camera));
  }

  #help() {
    const sent = this.connection.send({ type: "help", text: $("help-text").value.slice(0, 200) });
    $("help-text").value = "";
    this.#notice({ notice: "help", text: text(sent ? "help.sent" : "help.lost") });
  }
}

// The one time that all tracks of a recording follow. Milliseconds from the recording's start.
// Three states: standing, running, and *held*: meant to run, but somebody is still fetching, so all wait.

export class MasterClock {
  #at = 0;
  #since = 0;
  #running = false;
  #held = false;
  #speed = 1;

  constructor(durationMs, now = () => performance.now()) {
    this.durationMs = durationMs;
    this.now = now;
  }

  get running() {
    return this.#running;
  }

  get held() {
    return this.#held;
  }

  get speed() {
    return this.#speed;
  }

  position() {
    const moved = this.#running && !this.#held ? (this.now() - this.#since) * this.#speed : 0;
    return Math.min(this.#at + moved, this.durationMs);
  }

  get over() {
    return this.position() >= this.durationMs;
  }

  play() {
    this.#settle();
    this.#running = true;
  }

  pause() {
    this.#settle();
    this.#running = false;
    this.#held = false;
  }

  seek(ms) {
    this.#at = Math.max(0, Math.min(ms, this.durationMs));
    this.#since = this.now();
  }

  set speed(factor) {
    this.#settle();
    this.#speed = factor;
  }

  set held(held) {
    if (held === this.#held) return;
    this.#settle();
    this.#held = held;
  }

  #settle() {
    this.#at = this.position();
    this.#since = this.now();
  }
}

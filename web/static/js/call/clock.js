// Counts down from what the server said, with this device's monotonic clock: its wall clock is never asked.

export class Countdown {
  #at = performance.now();
  #clock = { remaining_ms: 0, running: false, granted_ms: 0, until_start_ms: 0 };

  // `clock` as in the protocol's `state`, measured from this moment.
  set(clock) {
    this.#at = performance.now();
    this.#clock = clock;
  }

  get #since() {
    return performance.now() - this.#at;
  }

  get running() {
    return this.#clock.running;
  }

  // Milliseconds of talking left.
  get remaining() {
    return Math.max(0, this.#clock.remaining_ms - (this.#clock.running ? this.#since : 0));
  }

  // Milliseconds till the visit may begin; 0 once it may.
  get untilStart() {
    return Math.max(0, (this.#clock.until_start_ms ?? 0) - this.#since);
  }

  get givenBack() {
    return this.#clock.given_back_ms ?? 0;
  }
}

// 95000 -> "1:35"; a started second is shown until it is over.
export function face(milliseconds) {
  const seconds = Math.ceil(milliseconds / 1000);
  const rest = String(seconds % 60).padStart(2, "0");
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}:${rest}`;
  return `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, "0")}:${rest}`;
}

// One file of one person, kept in step with the master clock. A take stands at `offsetMs` on the timeline;
// its gaps (nothing was recorded there) cut it into segments, and each segment is entered by a seek: a
// browser counts the sound it has played, so what follows a hole in the sound would come too early.

const JUMP_MS = 300; // further out than this: seek, do not chase
const CLOSE_MS = 12; // nearer than this: leave the rate alone
const CHASE = 0.08; // at most 8 % faster or slower, which nobody notices …
const HURRY = 0.25; // … and more only for the instant after a late start
const LATE_MS = 60;
const AHEAD_MS = 600; // a segment is prepared this long before it begins

/** [[from, to], …] of what is there, on the recording's timeline. `gaps` are relative to the take. */
function segmentsOf(offsetMs, durationMs, gaps) {
  const segments = [];
  let from = 0;
  for (const [start, end] of [...gaps].sort((a, b) => a[0] - b[0])) {
    if (start > from) segments.push([offsetMs + from, offsetMs + start]);
    from = Math.max(from, end);
  }
  if (durationMs > from) segments.push([offsetMs + from, offsetMs + durationMs]);
  return segments;
}

/** The rate at which a take that is `driftMs` ahead (negative: behind) comes back into step. */
function rateFor(speed, driftMs) {
  if (Math.abs(driftMs) < CLOSE_MS) return speed;
  const limit = Math.abs(driftMs) > LATE_MS ? HURRY : CHASE;
  return speed * (1 - Math.max(-limit, Math.min(limit, driftMs / 500)));
}

export class Take {
  #segment = null;
  #prepared = null;

  constructor(video) {
    this.video = video;
    this.offsetMs = Number(video.dataset.offset);
    this.durationMs = Number(video.dataset.duration);
    this.segments = segmentsOf(this.offsetMs, this.durationMs, JSON.parse(video.dataset.gaps || "[]"));
    this.broken = false;
    video.controls = false;
    video.preservesPitch = true;
    video.addEventListener("error", () => (this.broken = true));
  }

  /** Is anything of this take recorded at `at`? */
  covers(at) {
    return this.segments.some(([from, to]) => at >= from && at < to);
  }

  /** Can it show `at` at once? What is not recorded there needs no waiting for. */
  ready(at) {
    if (this.broken || !this.covers(at)) return true;
    if (this.video.ended) return true; // the file may end a frame earlier than its row says
    return !this.video.seeking && this.video.readyState >= HTMLMediaElement.HAVE_FUTURE_DATA;
  }

  /** Milliseconds this take is ahead of the clock, or null where it has nothing to show. */
  drift(at) {
    if (this.broken || this.video.ended || !this.covers(at)) return null;
    return this.offsetMs + this.video.currentTime * 1000 - at;
  }

  /** To `at`, exactly, standing still. */
  place(at) {
    this.video.pause();
    this.#segment = this.#find(at);
    this.#prepared = null;
    if (this.#segment) this.#seek(at);
  }

  /** One step of following; called several times a second. */
  follow(at, { moving, speed }) {
    const segment = this.#find(at);
    if (!segment) {
      if (!this.video.paused) this.video.pause();
      this.#segment = null;
      this.#prepare(at, speed);
      return;
    }
    if (segment !== this.#segment) {
      this.#segment = segment;
      if (segment !== this.#prepared) this.#seek(at);
      this.#prepared = null;
    }
    if (moving) this.#chase(at, speed);
    else if (!this.video.paused) this.video.pause();
  }

  #chase(at, speed) {
    if (this.video.seeking || this.video.ended) return;
    const drift = this.offsetMs + this.video.currentTime * 1000 - at;
    if (Math.abs(drift) > JUMP_MS) {
      this.#seek(at);
    } else {
      const rate = rateFor(speed, drift);
      if (this.video.playbackRate !== rate) this.video.playbackRate = rate;
    }
    // A refused play() (tab in the background, file unreadable) shows as a take that is not ready.
    if (this.video.paused) this.video.play().catch(() => undefined);
  }

  #prepare(at, speed) {
    const next = this.segments.find(([from]) => from > at && from - at < AHEAD_MS * speed);
    if (!next || next === this.#prepared) return;
    this.#prepared = next;
    this.#seek(next[0]);
  }

  #find(at) {
    return this.segments.find(([from, to]) => at >= from && at < to) ?? null;
  }

  #seek(at) {
    if (!this.broken) this.video.currentTime = Math.max(0, at - this.offsetMs) / 1000;
  }
}

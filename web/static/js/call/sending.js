// What this device sends: as large a picture as the server asks for, a small second one where a wall wants it, one
// still every few seconds, or sound alone. Nothing is negotiated for it: only the senders' parameters change.

const STILL_EVERY = 4000; // ms
const STILL_FOR = 1200; // ms: long enough for one key frame on a line of 64 kbit/s
const SMALL = { lines: 180, frames: 8, bits: 70_000 };
const WHOLE = { picture: "720p", lines: 720, frames: 30, video_bits: 1_200_000, audio_bits: 40_000, small: false };

export class Sending {
  // `senders`: {audio, video, low} as far as they exist.
  constructor(senders) {
    this.senders = senders;
    this.told = WHOLE;
    this.turn = Promise.resolve();
    this.apply({});
  }

  // A `send` message of the server. Resolves when all is set.
  apply(told) {
    this.told = { ...this.told, ...told };
    clearInterval(this.pulse);
    const { picture } = this.told;
    if (picture === "still") {
      this.pulse = setInterval(() => this.#blink(), STILL_EVERY);
      this.#blink();
    }
    const { video, audio, low } = this.senders;
    this.#set(audio, (encoding) => Object.assign(encoding, { maxBitrate: this.told.audio_bits, priority: "high" }));
    this.#show(picture !== "sound");
    this.#small(low, video?.track ?? null);
    return this.turn;
  }

  // The camera that is sent now, or `null`.
  use(track) {
    this.#small(this.senders.low, track);
    return this.apply({});
  }

  close() {
    clearInterval(this.pulse);
    clearTimeout(this.dark);
  }

  #blink() {
    clearTimeout(this.dark);
    this.#show(true);
    this.dark = setTimeout(() => this.told.picture === "still" && this.#show(false), STILL_FOR);
  }

  #show(active) {
    const { video } = this.senders;
    this.#set(video, (encoding) => Object.assign(encoding, { active }, shape(video.track, {
      lines: this.told.lines, frames: this.told.frames, bits: this.told.video_bits,
    })));
  }

  // A second encoder runs only while somebody looks at its picture.
  #small(low, track) {
    if (!low) return;
    const wanted = this.told.small ? track : null;
    this.turn = this.turn.then(() => low.track === wanted || low.replaceTrack(wanted)).catch(() => undefined);
    if (wanted) this.#set(low, (encoding) => Object.assign(encoding, { active: true }, shape(wanted, SMALL)));
  }

  // One change after the other: a browser refuses parameters that are not the newest.
  #set(sender, change) {
    if (!sender) return;
    this.turn = this.turn.then(async () => {
      const parameters = sender.getParameters();
      if (!parameters.encodings?.length) return;
      change(parameters.encodings[0]);
      await sender.setParameters(parameters);
    }).catch(() => undefined); // a browser that does not take these values sends with its own
  }
}

// How a camera's picture is made smaller: a telephone's stands upright, so its shorter side counts.
function shape(track, { lines, frames, bits }) {
  if (!lines) return {};
  const { width = 1280, height = 720 } = track?.getSettings?.() ?? {};
  const scale = Math.max(1, Math.min(width, height) / lines);
  return { scaleResolutionDownBy: scale, maxFramerate: frames, maxBitrate: bits };
}

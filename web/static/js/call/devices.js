// Camera, microphone, loudspeaker, and the screen that must not go dark.
//
// A device that cannot be used has a problem, one of: "insecure" (no HTTPS), "unsupported", "wechat" (its
// window gives no camera), "denied", "missing", "busyElsewhere", "failed".

const PICTURE = { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30, max: 30 }, facingMode: "user" };
const SOUND = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };
const PROBLEMS = {
  NotAllowedError: "denied", SecurityError: "denied", NotFoundError: "missing", OverconstrainedError: "missing",
  NotReadableError: "busyElsewhere", AbortError: "busyElsewhere",
};

const inWeChat = () => /MicroMessenger/i.test(navigator.userAgent);

// What keeps this browser from taking part at all, or null.
export function obstacle() {
  if (!window.isSecureContext) return "insecure";
  if (!navigator.mediaDevices?.getUserMedia || !window.RTCPeerConnection) {
    return inWeChat() ? "wechat" : "unsupported";
  }
  return null;
}

async function one(kind) {
  const wanted = kind === "camera" ? { video: PICTURE } : { audio: SOUND };
  try {
    return { tracks: (await navigator.mediaDevices.getUserMedia(wanted)).getTracks(), problem: null };
  } catch (error) {
    return { tracks: [], problem: PROBLEMS[error.name] ?? "failed" };
  }
}

// {stream, camera: problem|null, microphone: problem|null}. Asks for both at once (one question for the
// person), and only if that fails for each alone, so that one broken device does not cost the other.
export async function open() {
  const blocked = obstacle();
  if (blocked) return { stream: new MediaStream(), camera: blocked, microphone: blocked };
  try {
    const stream = await navigator.mediaDevices.getUserMedia({ video: PICTURE, audio: SOUND });
    return { stream, camera: null, microphone: null };
  } catch {
    const microphone = await one("microphone");
    const camera = await one("camera");
    const stream = new MediaStream([...camera.tracks, ...microphone.tracks]);
    return { stream, camera: camera.problem, microphone: microphone.problem };
  }
}

// The officer's microphone, asked for when it is first spoken into; rejects with an Error whose `cause` is
// the problem.
export async function microphone() {
  const blocked = obstacle();
  const { tracks, problem } = blocked ? { tracks: [], problem: blocked } : await one("microphone");
  if (problem) throw new Error(problem, { cause: problem });
  return tracks[0];
}

// Calls `show(level)` (0…1) some ten times a second until `stop()`.
export class Meter {
  constructor(stream, show) {
    this.context = new AudioContext();
    this.context.resume().catch(() => undefined);
    const analyser = new AnalyserNode(this.context, { fftSize: 1024 });
    this.context.createMediaStreamSource(stream).connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    this.timer = setInterval(() => {
      analyser.getFloatTimeDomainData(samples);
      const power = samples.reduce((sum, value) => sum + value * value, 0) / samples.length;
      // -60 dB is an empty bar, -12 dB a full one: speech at arm's length fills two thirds.
      show(Math.min(1, Math.max(0, (10 * Math.log10(power + 1e-9) + 60) / 48)));
    }, 100);
  }

  stop() {
    clearInterval(this.timer);
    this.context.close().catch(() => undefined);
  }
}

// Plays notes, [hertz, seconds] each, softly; resolves when the last has ended.
export async function play(notes) {
  const context = new AudioContext();
  // Without a touch before it, or without a loudspeaker, some browsers leave this promise open for ever.
  await Promise.race([context.resume(), new Promise((resolve) => setTimeout(resolve, 500))]);
  let at = context.currentTime + 0.05;
  for (const [hertz, seconds] of notes) {
    const tone = new OscillatorNode(context, { frequency: hertz });
    const loudness = new GainNode(context, { gain: 0 });
    loudness.gain.setTargetAtTime(0.25, at, 0.02);
    loudness.gain.setTargetAtTime(0, at + seconds - 0.08, 0.02);
    tone.connect(loudness).connect(context.destination);
    tone.start(at);
    tone.stop(at + seconds);
    at += seconds;
  }
  await new Promise((resolve) => setTimeout(resolve, (at - context.currentTime) * 1000 + 50));
  await context.close();
}

export const TEST_TONE = [[523, 0.5], [659, 0.5], [784, 0.7]];
export const CHIME = [[880, 0.18], [660, 0.35]];

const REFUSES_WITHIN = 1000; // ms; a refusal comes at once, while play() of a line that is silent never ends

// Starts a <video> or <audio>; `false` where the browser wants a touch first (iOS, WeChat).
export async function begin(media) {
  const patience = new Promise((resolve) => setTimeout(resolve, REFUSES_WITHIN));
  try {
    await Promise.race([media.play(), patience]);
    return true;
  } catch (error) {
    // AbortError: a newer stream took its place, whose own play() will tell.
    return error.name === "AbortError";
  }
}

// Keeps the screen awake from now on; asks again each time the page comes back to sight.
export function keepAwake() {
  const ask = () => {
    if (document.visibilityState === "visible") navigator.wakeLock?.request("screen").catch(() => undefined);
  };
  document.addEventListener("visibilitychange", ask);
  ask();
}

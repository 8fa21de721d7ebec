// Runs in the page under test, before its own scripts: what is really seen and heard there.
// `probe.watch(name, selector, pitch)` follows a <video>; `probe.report(name)` tells what it has seen so far.
// The row of blocks is explained in tests/fakes/clip.py. All times are milliseconds of performance.now().
(() => {
  const BLOCKS = 16;
  const LOUD = -60; // dB at the pitch; silence in a call lies below -100
  const watches = new Map();

  const check = (number, person) => ((number >> 6) ^ (number >> 3) ^ number ^ person) & 7;

  function decode(row) {
    if (row[0] !== 1 || row[1] !== 0) return null;
    const value = row.slice(2).reduce((sum, bit) => sum * 2 + bit, 0);
    const [number, person] = [value >> 6, (value >> 3) & 7];
    return check(number, person) === (value & 7) ? { number, person } : null;
  }

  class Watch {
    constructor(selector, pitch) {
      Object.assign(this, { selector, pitch, frames: [], beeps: [], flashes: [], level: -Infinity, drawn: 0 });
      this.canvas = document.createElement("canvas");
      this.canvas.width = 160;
      this.canvas.height = 90;
      this.context = this.canvas.getContext("2d", { willReadFrequently: true });
      this.bright = this.loud = false;
      this.timer = setInterval(() => this.look(), 20);
    }

    look() {
      const video = document.querySelector(this.selector);
      if (!video || !(video.srcObject || video.currentSrc)) return;
      if (video.srcObject) this.listen(video.srcObject);
      else this.listenTo(video);
      this.hear();
      if (video === this.video || !video.requestVideoFrameCallback) return;
      this.video = video;
      const next = () => {
        if (video !== this.video) return;
        this.see(video);
        video.requestVideoFrameCallback(next);
      };
      video.requestVideoFrameCallback(next);
    }

    see(video) {
      this.drawn += 1;
      this.context.drawImage(video, 0, 0, 160, 90);
      const pixels = this.context.getImageData(0, 0, 160, 90).data;
      const grey = (x, y) => pixels[4 * (y * 160 + x) + 1];
      const row = Array.from({ length: BLOCKS }, (_, i) => (grey(i * 10 + 5, 7) > 127 ? 1 : 0));
      const at = performance.now();
      const found = decode(row);
      const last = this.frames.at(-1);
      if (found && (!last || last.number !== found.number)) this.frames.push({ at, ...found });
      const bright = [30, 55, 80, 105, 130].every((x) => grey(x, 80) > 215);
      if (bright && !this.bright) this.flashes.push(at);
      this.bright = bright;
      this.mean = pixels.reduce((sum, value) => sum + value, 0) / pixels.length;
    }

    listen(stream) {
      const track = stream.getAudioTracks()[0];
      if (!track || track === this.track) return;
      this.track = track;
      this.audio ??= new AudioContext();
      this.source?.disconnect();
      this.source = this.audio.createMediaStreamSource(new MediaStream([track]));
      this.analyse();
    }

    // A file that is played, not a call.
    listenTo(element) {
      if (element === this.track) return;
      this.track = element;
      this.audio ??= new AudioContext();
      this.source = this.audio.createMediaElementSource(element);
      this.source.connect(this.audio.destination);
      this.analyse();
    }

    analyse() {
      this.analyser = new AnalyserNode(this.audio, { fftSize: 1024, smoothingTimeConstant: 0 });
      this.source.connect(this.analyser);
      this.bins = new Float32Array(this.analyser.frequencyBinCount);
    }

    hear() {
      if (!this.analyser) return;
      this.analyser.getFloatFrequencyData(this.bins);
      const bin = Math.round((this.pitch * 1024) / this.audio.sampleRate);
      this.level = Math.max(...this.bins.slice(bin - 1, bin + 2));
      const loud = this.level > LOUD;
      if (loud && !this.loud) this.beeps.push(performance.now());
      this.loud = loud;
    }
  }

  // Firefox starts no AudioContext on a machine without a sound card; what it decoded is known all the same.
  const connections = (window.connections = []);
  const Original = window.RTCPeerConnection;
  window.RTCPeerConnection = class extends Original {
    constructor(...given) {
      super(...given);
      connections.push(this);
    }
  };

  window.probe = {
    // Energy of all sound received so far by connections that stand (RTCInboundRtpStreamStats.totalAudioEnergy).
    async energy() {
      let sum = 0;
      for (const connection of connections.filter((one) => one.connectionState === "connected")) {
        for (const entry of (await connection.getStats()).values()) {
          if (entry.type === "inbound-rtp" && entry.kind === "audio") sum += entry.totalAudioEnergy ?? 0;
        }
      }
      return sum;
    },
    watch(name, selector, pitch) {
      clearInterval(watches.get(name)?.timer);
      watches.set(name, new Watch(selector, pitch));
    },
    report(name, since = 0) {
      const { frames, beeps, flashes, level, drawn, mean } = watches.get(name);
      const recent = (entries) => entries.filter((entry) => (entry.at ?? entry) >= since);
      return {
        now: performance.now(), frames: recent(frames), beeps: recent(beeps), flashes: recent(flashes),
        level: Number.isFinite(level) ? level : -999, drawn, mean: mean ?? 0,
      };
    },
  };
})();

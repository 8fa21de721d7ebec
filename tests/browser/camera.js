// A camera and a microphone made in the page, both driven by one clock: the clip of tests/fakes/clip.py, performed.
//
// Chromium's own fake devices play a file each, on two clocks that slip apart when the machine is busy; that is
// good enough to see and to hear, but lips can only be measured against a source that is itself in step. Here
// each picture is drawn for the instant that the sound card's clock shows, however late it is drawn.
((person) => {
  const [WIDTH, HEIGHT, RATE, FLASH, BEEP, BLOCKS] = [640, 360, 25, 4, 0.12, 16];
  const LAG = 0.05; // seconds the sound takes longer to leave the page than the picture; measured, ± 1 ms

  const check = (number) => ((number >> 6) ^ (number >> 3) ^ number ^ person.number) & 7;

  function draw(pen, number) {
    pen.fillStyle = person.colour;
    pen.fillRect(0, 0, WIDTH, HEIGHT);
    if (number % RATE < FLASH) {
      pen.fillStyle = "#fff";
      pen.fillRect(0, 0, WIDTH, HEIGHT);
    } else {
      pen.fillStyle = "#ddd";
      pen.fillRect((number * 8) % (WIDTH - 80), HEIGHT / 2, 80, 80);
    }
    const value = (number << 6) | (person.number << 3) | check(number);
    const row = "10" + value.toString(2).padStart(14, "0");
    for (const [index, bit] of [...row].entries()) {
      pen.fillStyle = bit === "1" ? "#fff" : "#000";
      pen.fillRect((index * WIDTH) / BLOCKS, 0, WIDTH / BLOCKS, HEIGHT / 6);
    }
  }

  function picture(clock) {
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [WIDTH, HEIGHT];
    const pen = canvas.getContext("2d");
    const stream = canvas.captureStream(0);
    const [track] = stream.getVideoTracks();
    let shown = -1;
    setInterval(() => {
      const number = Math.floor(clock() * RATE) % (10 * RATE);
      if (number === shown || number < 0) return;
      shown = number;
      draw(pen, number);
      track.requestFrame();
    }, 8);
    return track;
  }

  function sound(context, start) {
    const second = context.createBuffer(1, context.sampleRate, context.sampleRate);
    const samples = second.getChannelData(0);
    for (let index = 0; index < BEEP * context.sampleRate; index += 1) {
      const time = index / context.sampleRate;
      const slope = Math.min(1, time / 0.004, (BEEP - time) / 0.004);
      samples[index] = 0.5 * Math.sin(2 * Math.PI * person.pitch * time) * slope;
    }
    const source = new AudioBufferSourceNode(context, { buffer: second, loop: true });
    const out = context.createMediaStreamDestination();
    source.connect(out);
    source.start(start);
    return out.stream.getAudioTracks()[0];
  }

  let devices = null;
  function perform() {
    const context = new AudioContext({ latencyHint: "interactive" });
    const start = Math.ceil(context.currentTime + 0.2);
    return { audio: sound(context, start), video: picture(() => context.currentTime - start - LAG) };
  }

  navigator.mediaDevices.getUserMedia = async (wanted) => {
    devices ??= perform();
    const kinds = ["audio", "video"].filter((kind) => wanted[kind]);
    return new MediaStream(kinds.map((kind) => devices[kind].clone()));
  };
})(PERSON);

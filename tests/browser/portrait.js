// A camera that shows somebody: a flat drawing of a person who breathes and blinks. For pictures of the pages.
((look) => {
  const [WIDTH, HEIGHT] = [960, 540];
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [WIDTH, HEIGHT];
  const pen = canvas.getContext("2d");

  function oval(x, y, across, down, colour) {
    pen.fillStyle = colour;
    pen.beginPath();
    pen.ellipse(x, y, across, down, 0, 0, 2 * Math.PI);
    pen.fill();
  }

  function room() {
    const wall = pen.createLinearGradient(0, 0, WIDTH, HEIGHT);
    wall.addColorStop(0, look.wall[0]);
    wall.addColorStop(1, look.wall[1]);
    pen.fillStyle = wall;
    pen.fillRect(0, 0, WIDTH, HEIGHT);
    pen.fillStyle = look.window;
    pen.fillRect(80, 60, 190, 230);
    pen.fillStyle = look.wall[1];
    pen.fillRect(171, 60, 8, 230);
    pen.fillRect(80, 168, 190, 8);
  }

  function draw(time) {
    const rise = Math.sin(time / 900) * 4;
    const [x, y] = [WIDTH / 2 + Math.sin(time / 2300) * 8, 235 + rise];
    room();
    if (look.hair.long) oval(x, y + 50, 118, 190, look.hair.colour);
    oval(x, HEIGHT + 70, 265, 210 - rise, look.clothes);
    pen.fillStyle = look.skin[1];
    pen.fillRect(x - 38, y + 70, 76, 100);
    oval(x, y + 165, 62, 34, look.skin[1]);
    oval(x, y, 98, 122, look.skin[0]);
    pen.fillStyle = look.hair.colour;
    pen.beginPath();
    pen.ellipse(x, y - 40, 108, 96, 0, Math.PI, 2 * Math.PI);
    pen.quadraticCurveTo(x + 60, y - 66, x - 20, y - 62);
    pen.quadraticCurveTo(x - 90, y - 58, x - 108, y - 40);
    pen.fill();
    const open = time % 3700 < 140 ? 1 : 7;
    for (const side of [-1, 1]) {
      oval(x + side * 38, y + 4, 9, open, "#2a211c");
      oval(x + side * 56, y + 44, 20, 11, look.cheek);
      pen.fillStyle = look.hair.colour;
      pen.fillRect(x + side * 38 - 16, y - 22, 32, 5);
    }
    pen.strokeStyle = "#9a4f43";
    pen.lineWidth = 5;
    pen.lineCap = "round";
    pen.beginPath();
    pen.arc(x, y + 46, 30, 0.35, Math.PI - 0.35);
    pen.stroke();
  }

  const stream = canvas.captureStream(15);
  setInterval(() => draw(performance.now()), 66);
  draw(0);

  navigator.mediaDevices.getUserMedia = async (wanted) => {
    const tracks = wanted.video ? [stream.getVideoTracks()[0].clone()] : [];
    if (wanted.audio) {
      const context = new AudioContext();
      const tone = new OscillatorNode(context, { frequency: 220 });
      const loudness = new GainNode(context, { gain: 0.2 });
      const out = context.createMediaStreamDestination();
      tone.connect(loudness).connect(out);
      tone.start();
      tracks.push(out.stream.getAudioTracks()[0]);
    }
    return new MediaStream(tracks);
  };
})(LOOK);

// Runs before the page: keeps every peer connection, makes the microphone a voice that never pauses, so that what is
// lost of it cannot hide in silence, and the picture a lively one that takes all the bits it may have.
// A voice: pulses at 140 Hz through the first two formants, four syllables a second.
(() => {
  window.connections = [];
  const Original = window.RTCPeerConnection;
  window.RTCPeerConnection = class extends Original {
    constructor(...rest) {
      super(...rest);
      window.connections.push(this);
    }
  };

  async function voice() {
    const audio = new AudioContext();
    await audio.resume();
    const pulses = new OscillatorNode(audio, { type: "sawtooth", frequency: 140 });
    const syllables = new OscillatorNode(audio, { frequency: 4 });
    const depth = new GainNode(audio, { gain: 0.15 });
    const loudness = new GainNode(audio, { gain: 0.25 });
    const out = new MediaStreamAudioDestinationNode(audio);
    for (const [frequency, Q] of [[650, 5], [1700, 8]]) {
      const formant = new BiquadFilterNode(audio, { type: "bandpass", frequency, Q });
      pulses.connect(formant).connect(loudness);
    }
    syllables.connect(depth).connect(loudness.gain);
    loudness.connect(out);
    pulses.start();
    syllables.start();
    return out.stream.getAudioTracks()[0];
  }

  // The camera's picture with confetti below its row of blocks.
  function lively(track) {
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [640, 360];
    const pen = canvas.getContext("2d");
    const video = document.createElement("video");
    Object.assign(video, { srcObject: new MediaStream([track]), muted: true });
    video.play();
    const draw = () => {
      pen.drawImage(video, 0, 0, 640, 360);
      for (let spot = 0; spot < 150; spot += 1) {
        pen.fillStyle = `hsl(${Math.random() * 360} 90% 50%)`;
        pen.fillRect(Math.random() * 640, 90 + Math.random() * 200, 12, 12);
      }
      video.requestVideoFrameCallback(draw);
    };
    video.requestVideoFrameCallback(draw);
    return canvas.captureStream(25).getVideoTracks()[0];
  }

  const media = navigator.mediaDevices;
  if (!media) return;
  const original = media.getUserMedia.bind(media);
  media.getUserMedia = async (wanted) => {
    const stream = await original(wanted);
    for (const track of stream.getVideoTracks()) {
      stream.removeTrack(track);
      stream.addTrack(lively(track));
    }
    if (!wanted.audio) return stream;
    for (const track of stream.getAudioTracks()) stream.removeTrack(track);
    stream.addTrack(await voice());
    return stream;
  };

  // What a connection (the newest) has got and sent, summed over its streams.
  window.figures = async (place = -1) => {
    const sum = { samples: 0, concealed: 0, fec: 0, heard: 0, lost: 0, frames: 0, video: 0, sent: 0, height: 0, rtx: 0 };
    for (const entry of (await window.connections.at(place).getStats()).values()) {
      if (entry.type === "inbound-rtp" && entry.kind === "audio") {
        sum.samples += entry.totalSamplesReceived ?? 0;
        sum.concealed += (entry.concealedSamples ?? 0) - (entry.silentConcealedSamples ?? 0);
        sum.fec += entry.fecPacketsReceived ?? 0;
        sum.heard += entry.packetsReceived ?? 0;
        sum.lost += entry.packetsLost ?? 0;
      } else if (entry.type === "inbound-rtp") {
        sum.frames += entry.framesDecoded ?? 0;
        sum.video += entry.bytesReceived ?? 0;
        sum.height = Math.max(sum.height, entry.frameHeight ?? 0);
      } else if (entry.type === "outbound-rtp" && entry.kind === "video") {
        sum.sent += entry.bytesSent ?? 0;
      }
    }
    return sum;
  };
})();

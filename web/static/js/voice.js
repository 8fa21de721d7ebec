// Speaking instead of writing: the terminal's browser records, and puts the recording into the form.
const box = document.querySelector("[data-voice]");
const input = box?.querySelector("input[type=file]");
const button = box?.querySelector("button");
const said = box?.querySelector("[role=status]");
const player = box?.querySelector("audio");
let recorder = null;
let timer = null;
let awake = null; // speaking is being there: the page does not close meanwhile

function type() {
  return ["audio/webm;codecs=opus", "audio/mp4", "audio/ogg;codecs=opus"].find((one) => MediaRecorder.isTypeSupported(one));
}

function words(key) {
  return box.dataset[key];
}

function keep(chunks, kind) {
  const files = new DataTransfer();
  const media = kind.split(";")[0];
  files.items.add(new File(chunks, `voice.${media.split("/")[1]}`, { type: media }));
  input.files = files.files;
  player.src = URL.createObjectURL(input.files[0]);
  player.hidden = false;
  said.textContent = words("done");
  button.querySelector("span").textContent = words("again");
}

async function start() {
  const sound = await navigator.mediaDevices.getUserMedia({ audio: true });
  const chunks = [];
  recorder = new MediaRecorder(sound, { mimeType: type(), audioBitsPerSecond: 32000 });
  recorder.addEventListener("dataavailable", (event) => chunks.push(event.data));
  recorder.addEventListener("stop", () => {
    clearTimeout(timer);
    clearInterval(awake);
    sound.getTracks().forEach((track) => track.stop());
    keep(chunks, recorder.mimeType);
    recorder = null;
  });
  recorder.start();
  awake = setInterval(() => dispatchEvent(new Event("input")), 20000);
  timer = setTimeout(() => recorder?.stop(), Number(words("seconds")) * 1000);
  said.textContent = words("running");
  button.querySelector("span").textContent = words("stop");
}

if (box && "MediaRecorder" in window && navigator.mediaDevices && type()) {
  box.hidden = false;
  button.addEventListener("click", () => {
    if (recorder) {
      recorder.stop();
    } else {
      start().catch(() => {
        said.textContent = words("refused");
      });
    }
  });
}

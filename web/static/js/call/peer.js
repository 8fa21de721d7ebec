// One media connection: answers the server's single offer and sorts what arrives into lines.
//
// Events: "line" {line, stream} for each person's line, "announce" {stream} for the officer's voice,
// "state" {state} with RTCPeerConnection's word for it.

import { Sending } from "./sending.js";

export class Peer extends EventTarget {
  // `relay`: through TURN only, after a connection without it did not come up. `seal`: see sealed.js.
  constructor(iceServers, { relay = false, seal = null } = {}) {
    super();
    this.connection = new RTCPeerConnection({
      iceServers,
      bundlePolicy: "max-bundle",
      iceTransportPolicy: relay && iceServers.length ? "relay" : "all",
      encodedInsertableStreams: seal?.able === "streams",
    });
    this.seal = seal;
    this.lines = new Map();
    this.streams = new Map();
    this.own = {};
    this.connection.addEventListener("track", (event) => this.#arrived(event));
    this.connection.addEventListener("connectionstatechange", () => {
      this.dispatchEvent(new CustomEvent("state", { detail: { state: this.connection.connectionState } }));
    });
  }

  // Takes {sdp, lines} and gives the SDP of the answer. `stream` is our own camera and microphone, or null.
  async answer(offer, stream) {
    for (const line of offer.lines) this.lines.set(line.mid, line);
    await this.connection.setRemoteDescription({ type: "offer", sdp: offer.sdp });
    for (const transceiver of this.connection.getTransceivers()) {
      const line = this.lines.get(transceiver.mid);
      const sends = line?.use === "own" || line?.use === "low";
      transceiver.direction = sends ? "sendonly" : "recvonly";
      if (sends) this.seal?.through(transceiver.sender, line.kind, "send");
      else if (line?.use === "line") this.seal?.through(transceiver.receiver, line.kind, "receive");
      if (sends) this.own[line.use === "low" ? "low" : line.kind] = transceiver.sender;
    }
    await this.publish("audio", stream?.getAudioTracks()[0] ?? null);
    await this.publish("video", stream?.getVideoTracks()[0] ?? null);
    await this.connection.setLocalDescription(await this.connection.createAnswer());
    this.sending = new Sending(this.own);
    await this.sending.turn;
    return this.connection.localDescription.sdp;
  }

  // Takes another offer, with new credentials for a new network; nothing else is new. Gives the answer's SDP.
  async renew({ sdp }) {
    await this.connection.setRemoteDescription({ type: "offer", sdp });
    await this.connection.setLocalDescription(await this.connection.createAnswer());
    return this.connection.localDescription.sdp;
  }

  // Sends `track` in the place that stands ready for its kind; `null` sends nothing. Nothing is negotiated.
  async publish(kind, track) {
    if (track && kind === "video") track.contentHint = "motion";
    await this.own[kind]?.replaceTrack(track);
    if (kind === "video") await this.sending?.use(track);
  }

  #arrived({ track, transceiver }) {
    const line = this.lines.get(transceiver.mid);
    if (!line) return;
    const key = line.use === "line" ? line.line : line.use;
    const stream = this.streams.get(key) ?? new MediaStream();
    stream.addTrack(track);
    this.streams.set(key, stream);
    const kind = line.use === "line" ? "line" : "announce";
    this.dispatchEvent(new CustomEvent(kind, { detail: { line: line.line, stream } }));
  }

  // {roundTrip (ms or null), lost, received (packets of all lines), bytes, frames, frozen (ms), concealed and
  // samples (of sound)}; all since the start.
  async statistics() {
    const sum = { roundTrip: null, lost: 0, received: 0, bytes: 0, frames: 0, frozen: 0, concealed: 0, samples: 0 };
    for (const entry of (await this.connection.getStats()).values()) {
      if (entry.type === "candidate-pair" && entry.nominated && entry.currentRoundTripTime !== undefined) {
        sum.roundTrip = entry.currentRoundTripTime * 1000;
      }
      if (entry.type !== "inbound-rtp") continue;
      sum.lost += Math.max(0, entry.packetsLost ?? 0);
      sum.received += entry.packetsReceived ?? 0;
      sum.bytes += entry.bytesReceived ?? 0;
      sum.frames += entry.framesDecoded ?? 0;
      sum.frozen += (entry.totalFreezesDuration ?? 0) * 1000;
      sum.concealed += (entry.concealedSamples ?? 0) - (entry.silentConcealedSamples ?? 0);
      sum.samples += entry.totalSamplesReceived ?? 0;
    }
    return sum;
  }

  // Another text whenever sound or pictures came in; cheap enough to be asked for several times a second.
  newest() {
    return this.connection.getReceivers()
      .flatMap((receiver) => receiver.getSynchronizationSources().map(({ rtpTimestamp }) => rtpTimestamp)).join();
  }

  // A number that grows whenever anything comes, were it only what ICE asks and answers; null before there is a way.
  async arrived() {
    const pairs = [...(await this.connection.getStats()).values()].filter((entry) => entry.type === "candidate-pair");
    return pairs.length ? pairs.reduce((sum, pair) => sum + (pair.bytesReceived ?? 0) + (pair.responsesReceived ?? 0), 0) : null;
  }

  close() {
    this.sending?.close();
    this.connection.close();
  }
}

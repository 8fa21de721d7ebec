// What a wall's page will do: one connection of its own with small pictures only, told tile by tile what to show.
// Runs in an officer's live page; `wall.begin(booking, tiles)`, `wall.tile(line, booking, end)`, `wall.figures()`.
window.wall = {
  async begin(booking, tiles) {
    const base = document.querySelector("script[src*='js/call/officer.js']").src.replace("officer.js", "");
    const [{ Signal }, { Peer }, { csrf }] = await Promise.all(
      ["socket.js", "peer.js", "page.js"].map((name) => import(base + name)),
    );
    this.signal = new Signal({ ticketUrl: `/api/v1/visits/${booking}/wall/ticket`, csrf, windowMs: 0 });
    this.peer = new Peer([]);
    this.refused = [];
    this.peer.addEventListener("line", ({ detail }) => this.show(detail.stream));
    this.signal.addEventListener("tile", ({ detail }) => this.refused.push(detail));
    this.signal.addEventListener("offer", async ({ detail }) => {
      this.signal.send({ type: "answer", offer: detail.id, sdp: await this.peer.answer(detail, null) });
      tiles.forEach((end, line) => this.tile(line, booking, end));
    });
    this.signal.start();
  },

  show(stream) {
    const video = document.createElement("video");
    Object.assign(video, { srcObject: stream, muted: true, autoplay: true, width: 160 });
    document.body.append(video);
  },

  tile(line, booking, end = "family") {
    this.signal.send({ type: "tile", line, booking, end });
  },

  // {kinds, lines: {mid: {bytes, frames, height}}}
  async figures() {
    const lines = {};
    for (const entry of (await this.peer.connection.getStats()).values()) {
      if (entry.type !== "inbound-rtp") continue;
      lines[entry.mid] = { bytes: entry.bytesReceived, frames: entry.framesDecoded ?? 0, height: entry.frameHeight ?? 0 };
    }
    return { kinds: [...new Set(this.peer.connection.getReceivers().map((receiver) => receiver.track.kind))], lines };
  },
};

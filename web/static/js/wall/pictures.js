// The small pictures of a wall: one receive-only connection for each media node, told tile by tile what to show.
// What is out of sight is not sent (docs/protocol.md, "A wall").

import { Peer } from "../call/peer.js";
import { csrf } from "../call/page.js";
import { Signal } from "../call/socket.js";

const LINES = 16;

class Node {
  constructor(booking, refused) {
    this.lines = new Array(LINES).fill(null); // {booking, end, video}
    this.streams = new Map();
    this.strangers = new Set(); // bookings of other nodes
    this.signal = new Signal({ ticketUrl: `/api/v1/visits/${booking}/wall/ticket`, csrf, windowMs: 3600000 });
    this.signal.addEventListener("offer", ({ detail }) => this.#offered(detail));
    this.signal.addEventListener("tile", ({ detail }) => {
      const wanted = this.lines[detail.line];
      // No other node could help: this browser cannot do the coding of that call. The line stays its own.
      if (detail.code === "other-coding") {
        wanted?.video.dispatchEvent(new Event("unshown"));
        return;
      }
      this.lines[detail.line] = null;
      if (!wanted) return;
      this.strangers.add(wanted.booking);
      refused(wanted);
    });
    this.signal.start();
  }

  async #offered(offer) {
    this.peer?.connection.close();
    const peer = (this.peer = new Peer([]));
    this.streams.clear();
    peer.addEventListener("line", ({ detail }) => {
      this.streams.set(detail.line, detail.stream);
      const wanted = this.lines[detail.line];
      if (wanted) wanted.video.srcObject = detail.stream;
    });
    this.signal.send({ type: "answer", offer: offer.id, sdp: await peer.answer(offer, null) });
    this.lines.forEach((wanted, line) => wanted && this.#tell(line, wanted));
  }

  show(wanted) {
    const line = this.lines.indexOf(null);
    if (line < 0) return false;
    this.lines[line] = wanted;
    wanted.video.srcObject = this.streams.get(line) ?? null;
    this.#tell(line, wanted);
    return true;
  }

  hide(wanted) {
    const line = this.lines.indexOf(wanted);
    if (line < 0) return;
    this.lines[line] = null;
    wanted.video.srcObject = null;
    this.signal.send({ type: "tile", line, booking: null, end: wanted.end });
  }

  #tell(line, { booking, end }) {
    this.signal.send({ type: "tile", line, booking, end });
  }
}

export class Pictures {
  constructor() {
    this.nodes = [];
    this.shown = new Map(); // video -> {wanted, node}
  }

  // `video` shows that end of that booking from now on; `null`: nothing.
  put(video, booking, end) {
    const present = this.shown.get(video);
    if (present && present.wanted.booking === booking && present.wanted.end === end) return;
    if (present) {
      present.node?.hide(present.wanted);
      this.shown.delete(video);
    }
    if (booking) this.#place({ booking, end, video });
  }

  #place(wanted) {
    let node = this.nodes.find((one) => !one.strangers.has(wanted.booking) && one.lines.includes(null));
    if (!node) {
      node = new Node(wanted.booking, (again) => {
        if (this.shown.get(again.video)?.wanted === again) this.#place(again);
      });
      this.nodes.push(node);
    }
    node.show(wanted);
    this.shown.set(wanted.video, { wanted, node });
  }

  // Bytes of pictures that came, of all nodes together.
  async bytes() {
    let sum = 0;
    for (const { peer } of this.nodes) {
      for (const entry of (await peer?.connection.getStats())?.values() ?? []) {
        if (entry.type === "inbound-rtp") sum += entry.bytesReceived;
      }
    }
    return sum;
  }
}

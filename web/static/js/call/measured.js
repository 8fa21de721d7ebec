// The line of figures on an officer's card: bitrate, way and loss of the last second, and a curve of the last minute.

import { show, text, write } from "./page.js";

const SECONDS = 60;
const BETWEEN = 2; // seconds between two messages
const WIDTH = 120;
const HEIGHT = 24;

export class Curve {
  // `parts`: {measured, figures, curve} of a seat's card; `curve` is an SVG polyline.
  constructor(parts) {
    this.parts = parts;
    this.values = [];
  }

  add({ up_kbit: kbit, round_trip_ms: trip, up_lost: lost, level }) {
    this.values.push(kbit ?? 0);
    if (this.values.length > SECONDS / BETWEEN) this.values.shift();
    show(this.parts.measured, true);
    write(this.parts.figures, text("desk.measured", {
      kbit: kbit ?? "–", ms: trip ?? "–", percent: lost === null ? "–" : (lost / 10).toFixed(1),
    }));
    this.parts.measured.dataset.speaks = level !== null && level < 50; // -dBov; quieter than that is a room
    const most = Math.max(200, ...this.values);
    const points = this.values.map((value, place) => {
      const x = (place * BETWEEN * WIDTH) / SECONDS;
      return `${x.toFixed(1)},${(HEIGHT - 1 - (value / most) * (HEIGHT - 2)).toFixed(1)}`;
    });
    this.parts.curve.setAttribute("points", points.join(" "));
  }
}

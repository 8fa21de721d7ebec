// What the screen says of the sealing: the words to be compared, or plainly that there is none.

import { $, show, write } from "./page.js";

export function tell({ mode, words }) {
  const place = $("seal");
  if (!place) return; // a room in which nothing is sealed
  place.dataset.mode = mode;
  write($("seal-state"), place.dataset[mode]);
  show($("seal-words"), mode === "sealed");
  if (mode !== "sealed") return;
  write($("seal-chinese"), words.map((word) => word.chinese).join(" · "));
  write($("seal-english"), words.map((word) => word.english).join(" · "));
}

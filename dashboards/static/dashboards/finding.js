/** Draws the finding's pictures. */

import { draw } from "./chart.js";

for (const chart of document.querySelectorAll("[data-figure]")) {
  draw(chart, JSON.parse(document.getElementById(chart.dataset.figure).textContent));
}

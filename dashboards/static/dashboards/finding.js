/** Draws the finding's floor and forecast. */

import { draw } from "./chart.js";

const figure = JSON.parse(document.getElementById("floor-figure").textContent);
draw(document.getElementById("floor-chart"), figure);

/** The memory waterfall at one moment: a table of layers beside the stacked areas, following the pointer. */

import { bytesText } from "./service_instances.js";

const SVG = "http://www.w3.org/2000/svg";
let figure = null;

function numbers(array) {
  if (!array || !array.bdata) return array ?? [];
  const raw = Uint8Array.from(atob(array.bdata), (character) => character.charCodeAt(0));
  return array.dtype === "f4" ? new Float32Array(raw.buffer) : new Float64Array(raw.buffer);
}

/** Take a waterfall figure and show its last complete moment. */
export function showLayers(next) {
  figure = next;
  const { total, divisor } = meta();
  const rss = numbers(figure.data[total].y);
  let last = rss.length - 1;
  while (last > 0 && !Number.isFinite(rss[last])) last -= 1;
  const choose = chooser();
  choose.max = rss.length - 1;
  choose.disabled = false;
  moment(last, divisor);
}

function meta() {
  return figure.layout.meta;
}

function chooser() {
  return document.getElementById("waterfall-choose");
}

function explain(layer) {
  document.getElementById("layer-explained").textContent = `${layer.title}: ${layer.explanation}`;
}

function moment(index) {
  const { layers, total, divisor, moments } = meta();
  const rss = numbers(figure.data[total].y)[index] * divisor;
  const body = document.querySelector("#layers tbody");
  const styles = getComputedStyle(document.documentElement);
  const rows = layers.map((layer, place) => row(layer, numbers(figure.data[place].y)[index] * divisor, rss, styles));
  rows.reverse();
  body.replaceChildren(...rows);
  document.getElementById("layers").hidden = false;
  document.getElementById("waterfall-moment").textContent = `${moments[index]}: RSS ${bytesText(rss)}`;
  chooser().value = index;
  chooser().setAttribute("aria-valuetext", `${moments[index]}, RSS ${bytesText(rss)}`);
}

function row(layer, size, rss, styles) {
  const line = document.createElement("tr");
  const name = document.createElement("td");
  const swatch = document.createElementNS(SVG, "svg");
  swatch.setAttribute("class", "swatch");
  swatch.setAttribute("viewBox", "0 0 10 10");
  swatch.setAttribute("aria-hidden", "true");
  const square = document.createElementNS(SVG, "rect");
  square.setAttribute("width", "10");
  square.setAttribute("height", "10");
  square.setAttribute("fill", styles.getPropertyValue(layer.colour.slice(4, -1)).trim());
  swatch.append(square);
  name.title = layer.explanation;
  line.tabIndex = 0;
  line.setAttribute("aria-label", `${layer.title}, ${bytesText(size)}: ${layer.explanation}`);
  for (const type of ["pointerenter", "focus", "click"]) line.addEventListener(type, () => explain(layer));
  name.append(swatch, layer.title);
  line.append(name, cell(bytesText(size)), cell(rss > 0 ? `${((size / rss) * 100).toFixed(0)} %` : "–"));
  return line;
}

function cell(text) {
  const made = document.createElement("td");
  made.className = "num";
  made.textContent = text;
  return made;
}

/** Follow the pointer over the chart. */
export function watchLayers(chart) {
  chart.on("plotly_hover", (event) => {
    const index = event.points?.[0]?.pointIndex;
    if (index !== undefined) moment(index);
  });
}
chooser()?.addEventListener("input", ({ target }) => { if (figure) moment(Number(target.value)); });
document.addEventListener("themechange", () => { if (figure) showLayers(figure); });

/** The service page: draws its pictures, and lets a range dragged on the time axis lead all of them. */

import { announce } from "./app.js";
import { draw, figureOf, library } from "./chart.js";
import { showInstances, zoomInstances } from "./service_instances.js";
import { showLayers, watchLayers } from "./service_layers.js";

const state = JSON.parse(document.getElementById("page-state").textContent);
const element = (id) => document.getElementById(id);
const REFINE_MS = 250;
const FOLLOW_MS = 10000;
let shown = { from: state.from, to: state.to };
let request = null;
let refine = 0;
let applying = false;

function query(range) {
  const params = new URLSearchParams(state.query);
  params.set("from", range.from.toFixed(0));
  params.set("to", range.to.toFixed(0));
  params.set("tz", state.zone);
  return params.toString();
}

/** Wall-clock milliseconds of the axis to unix seconds; the axis shows the reader's zone. */
function unixOf(wall) {
  const [year, month, day, hour = 0, minute = 0, second = 0] = wall.split(/[-T :]/).map(Number);
  return Date.UTC(year, month - 1, day, hour, minute) / 1000 + second - state.zone_offset;
}

/** What a chart takes for a moment: text, since it would read a number as an instant in the browser's zone. */
function wallOf(seconds) {
  return new Date((seconds + state.zone_offset) * 1000).toISOString().slice(0, 23);
}

async function fetchPictures(range, first) {
  request?.abort();
  request = new AbortController();
  const url = `${state.pictures}?${first ? state.first_query : query(range)}`;
  const answer = await fetch(url, first ? {} : { signal: request.signal });
  if (!answer.ok) throw new Error(`The server answered ${answer.status}. Choose another range or reload the page.`);
  return answer.json();
}

async function show(range, { first = false } = {}) {
  const failed = element("pictures-failed");
  for (const id of ["timeline", "scatter", "waterfall"]) element(id).setAttribute("aria-busy", "true");
  try {
    const pictures = await fetchPictures(range, first);
    failed.hidden = true;
    await paint(pictures);
  } catch (error) {
    if (error.name === "AbortError") return;
    failed.textContent = error.message;
    failed.hidden = false;
    for (const id of ["timeline", "scatter", "waterfall"]) element(id).setAttribute("aria-busy", "false");
  }
}

/** Give up waiting for pictures; what is drawn stays. */
function stop() {
  clearTimeout(refine);
  request?.abort();
  for (const id of ["timeline", "scatter", "waterfall"]) element(id).setAttribute("aria-busy", "false");
}

async function paint(pictures) {
  applying = true;
  await draw(element("timeline"), pictures.timeline);
  applying = false;
  await paintOr("scatter", pictures.scatter);
  await paintOr("waterfall", pictures.waterfall);
  if (pictures.waterfall) showLayers(pictures.waterfall);
  showInstances(pictures.instances, pictures.range);
  performance.mark("pictures-drawn");
}

async function paintOr(id, figure) {
  element(id).hidden = !figure;
  const absent = element(`${id}-absent`);
  if (absent) absent.hidden = Boolean(figure);
  if (figure) await draw(element(id), figure);
}

/** Let every picture follow a range at once with the data in hand; finer data is fetched a moment later. */
async function select(range, { push = true } = {}) {
  if (range.to - range.from < 10) return;
  shown = range;
  const Plotly = await library();
  performance.mark("select-start");
  applying = true;
  const axis = [wallOf(range.from), wallOf(range.to)];
  if (!push) await Plotly.relayout(element("timeline"), { "xaxis.range": axis });
  if (figureOf(element("waterfall"))) await Plotly.relayout(element("waterfall"), { "xaxis.range": axis });
  dimScatter(Plotly, range);
  zoomInstances(range);
  applying = false;
  performance.measure("select", "select-start");
  if (push) history.pushState(null, "", `?${query(range)}`);
  follow(range);
  announce("Range selected; every picture follows.");
  clearTimeout(refine);
  refine = setTimeout(() => show(range), REFINE_MS);
}

function dimScatter(Plotly, range) {
  const figure = figureOf(element("scatter"));
  if (!figure) return;
  const index = figure.data.length - 1;
  const first = figure.data[index].meta.first;
  const seconds = element("scatter").data[index].customdata;
  const picked = [];
  for (let i = 0; i < seconds.length; i += 1) {
    const at = first + seconds[i];
    if (at >= range.from && at <= range.to) picked.push(i);
  }
  Plotly.restyle(element("scatter"), { selectedpoints: [picked] }, [index]);
}

/** Links to other pages carry the range that is shown. */
function follow(range) {
  for (const link of document.querySelectorAll("[data-follow]")) {
    const url = new URL(link.href);
    url.searchParams.set("from", range.from.toFixed(0));
    url.searchParams.set("to", range.to.toFixed(0));
    link.href = url;
  }
  for (const form of document.querySelectorAll("#series-form")) {
    form.elements.from.value = range.from.toFixed(0);
    form.elements.to.value = range.to.toFixed(0);
  }
  const inputs = element("range-form").elements;
  inputs.from.value = wallOf(range.from).slice(0, 16);
  inputs.to.value = wallOf(range.to).slice(0, 16);
  for (const link of document.querySelectorAll(".segmented [aria-current]")) link.removeAttribute("aria-current");
}

function zoomOut() {
  const half = (shown.to - shown.from) / 2;
  const to = Math.min(shown.to + half, Math.max(state.now, shown.to));
  select({ from: to - 4 * half, to }, { push: false });
  history.pushState(null, "", `?${query(shown)}`);
}

function listen() {
  const timeline = element("timeline");
  timeline.on("plotly_relayout", (change) => {
    const from = change["xaxis.range[0]"];
    const to = change["xaxis.range[1]"];
    if (!applying && from !== undefined) select({ from: unixOf(from), to: unixOf(to) });
  });
  timeline.on("plotly_doubleclick", zoomOut);
  if (element("waterfall").data) watchLayers(element("waterfall"));
}

/** A page that shows the present keeps showing it. */
async function followPresent() {
  if (document.visibilityState === "visible" && state.live && shown.from === state.from) {
    const answer = await fetch(state.latest).catch(() => null);
    const last = answer?.ok ? (await answer.json()).last : null;
    if (last && last > state.now) {
      const move = last - state.now;
      state.now = last;
      state.to += move;
      if (!state.grows) state.from += move;
      shown = { from: state.from, to: state.to };
      await show(shown);
    }
  }
  setTimeout(followPresent, FOLLOW_MS);
}

window.addEventListener("popstate", () => {
  const params = new URLSearchParams(location.search);
  const range = params.has("from") ? { from: Number(params.get("from")), to: Number(params.get("to")) } : { from: state.from, to: state.to };
  select(range, { push: false });
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") stop();
  if (event.target.matches("input, textarea, select") || event.metaKey || event.ctrlKey || event.altKey) return;
  const width = shown.to - shown.from;
  const step = { ArrowLeft: -0.25, ArrowRight: 0.25 }[event.key];
  if (event.shiftKey && step) {
    select({ from: shown.from + step * width, to: shown.to + step * width }, { push: false });
    history.replaceState(null, "", `?${query(shown)}`);
  } else if (event.key === "-") zoomOut();
  else if (event.key === "+") {
    select({ from: shown.from + width / 4, to: shown.to - width / 4 }, { push: false });
    history.pushState(null, "", `?${query(shown)}`);
  }
});
element("zoom-out").addEventListener("click", zoomOut);

await show(shown, { first: true });
if (element("timeline").data) listen();
setTimeout(followPresent, FOLLOW_MS);

/** The service page: draws its pictures, and lets a range dragged on the time axis lead all of them. */

import { announce } from "./app.js";
import { draw, figureOf, library } from "./chart.js";
import { showInstances, zoomInstances } from "./service_instances.js";
import { showLayers, watchLayers } from "./service_layers.js";

const state = JSON.parse(document.getElementById("page-state").textContent);
const element = (id) => document.getElementById(id);
const REFINE_MS = 250;
const FOLLOW_MS = 10000;
const SAY_AFTER_MS = 400;
const PICTURES = ["timeline", "scatter", "waterfall"];
let shown = { from: state.from, to: state.to };
let request = null;
let refine = 0;
let applying = false;
let listening = false;
let saying = 0;
let again = () => {};

function query(range) {
  const params = new URLSearchParams(state.query);
  params.set("from", range.from.toFixed(0));
  params.set("to", range.to.toFixed(0));
  params.set("tz", state.zone);
  params.set("project", document.documentElement.dataset.project);
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
  const answer = await fetch(url, { signal: request.signal }).catch((error) => {
    if (error.name === "AbortError") throw error;
    throw new Error("The server cannot be reached. Check the connection, then try again.");
  });
  if (answer.redirected) throw new Error("You are signed out. Reload the page to sign in again.");
  if (!answer.ok) throw new Error(`The server answered ${answer.status}. Try again, or choose another range.`);
  return answer.json();
}

async function show(range, { first = false, quiet = false } = {}) {
  again = () => show(range, { first });
  if (!quiet) busy();
  try {
    await paint(await fetchPictures(range, first));
    settled("");
    if (!listening && element("timeline").data) listen();
  } catch (error) {
    if (error.name === "AbortError" || quiet) return;
    settled(error.message, { failed: true });
  }
}

/** What is on its way is said after a moment, with the way to stop it. */
function busy() {
  for (const id of PICTURES) element(id).setAttribute("aria-busy", "true");
  clearTimeout(saying);
  saying = setTimeout(() => say("Loading …"), SAY_AFTER_MS);
}

function settled(text, { failed = false } = {}) {
  clearTimeout(saying);
  for (const id of PICTURES) element(id).setAttribute("aria-busy", "false");
  say(text, { ended: true, failed });
}

function say(text, { ended = false, failed = false } = {}) {
  element("pictures-load").hidden = !text;
  element("pictures-load").classList.toggle("failed", failed);
  element("pictures-failed").textContent = text;
  element("pictures-progress").hidden = element("pictures-cancel").hidden = ended;
  element("pictures-retry").hidden = !ended;
}

/** Give up waiting for pictures; what is drawn stays. */
function stop() {
  if (element("timeline").getAttribute("aria-busy") !== "true") return;
  clearTimeout(refine);
  request?.abort();
  settled("Cancelled. What was shown before stays.");
}

async function paint(pictures) {
  applying = true;
  await draw(element("timeline"), pictures.timeline);
  applying = false;
  showKeys(pictures.timeline.layout.meta.events);
  await paintOr("scatter", pictures.scatter);
  for (const id of ["scatter-note", "scatter-key"]) element(id).hidden = !pictures.scatter;
  await paintOr("waterfall", pictures.waterfall);
  element("waterfall-choose").hidden = !pictures.waterfall;
  if (pictures.waterfall) showLayers(pictures.waterfall);
  showInstances(pictures.instances, pictures.range);
  performance.mark("pictures-drawn");
}

/** What the marks above the time axis mean. */
function showKeys(keys) {
  const styles = getComputedStyle(document.documentElement);
  element("events-key").replaceChildren(...keys.map(([mark, word, colour]) => {
    const item = document.createElement("li");
    const sign = document.createElement("span");
    sign.textContent = mark;
    sign.setAttribute("aria-hidden", "true");
    sign.style.color = styles.getPropertyValue(colour.slice(4, -1)).trim();
    item.append(sign, ` ${word}`);
    return item;
  }));
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
  const index = 0; // the points; the curve lies on them
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
  listening = true;
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
      await show(shown, { quiet: true });
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
element("pictures-cancel").addEventListener("click", stop);
element("pictures-retry").addEventListener("click", () => again());
document.addEventListener("permalink", ({ detail }) => {
  detail.set("from", shown.from.toFixed(0));
  detail.set("to", shown.to.toFixed(0));
  detail.delete("last");
});
document.addEventListener("themechange", () => {
  const figure = figureOf(element("timeline"));
  if (figure) showKeys(figure.layout.meta.events);
});

await show(shown, { first: true });
setTimeout(followPresent, FOLLOW_MS);

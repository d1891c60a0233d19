/** The fleet: filter as you type, keys, and sparklines that are fetched for the rows in sight. */

const BATCH = 24;
const FIRST_ROWS = 30;
const NEXT_ROWS = 80;
const REST_MS = 60;
const ROWS_PER_FRAME = 4;
const input = document.getElementById("fleet-filter");
const table = document.getElementById("fleet");
const rows = table ? [...table.tBodies[0].rows] : [];
const SVG = "http://www.w3.org/2000/svg";

let matching = rows;
let revealing = 0;

/** What matches is shown: the first rows at once, the rest in further frames, so that a letter never waits for a thousand rows. */
function filter() {
  const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
  matching = rows.filter((row) => words.every((word) => row.dataset.text.includes(word)));
  const first = new Set(matching.slice(0, FIRST_ROWS));
  for (const row of rows) if (row.hidden === first.has(row)) row.hidden = !first.has(row);
  cancelAnimationFrame(revealing);
  reveal(FIRST_ROWS);
  const none = document.getElementById("fleet-none");
  if (none) none.hidden = matching.length > 0;
  const url = new URL(location.href);
  if (input.value) url.searchParams.set("q", input.value); else url.searchParams.delete("q");
  history.replaceState(null, "", url);
}

function reveal(from) {
  if (from >= matching.length) return;
  revealing = requestAnimationFrame(() => {
    for (const row of matching.slice(from, from + NEXT_ROWS)) row.hidden = false;
    reveal(from + NEXT_ROWS);
  });
}

function links() {
  return matching.map((row) => row.querySelector(".name a"));
}

function move(step) {
  const all = links();
  const at = all.indexOf(document.activeElement);
  const next = Math.max(0, Math.min(all.length - 1, at + step));
  if (all[next]) matching[next].hidden = false;
  all[next]?.focus();
}

function keys(event) {
  if (event.metaKey || event.ctrlKey || event.altKey) return;
  const typing = event.target.matches("input, textarea, select");
  if (event.key === "/" && !typing) { event.preventDefault(); input.focus(); input.select(); }
  else if (event.key === "Escape" && event.target === input) { input.value = ""; filter(); }
  else if (event.key === "ArrowDown" && (!typing || event.target === input)) { event.preventDefault(); move(1); }
  else if (event.key === "ArrowUp" && !typing) { event.preventDefault(); move(-1); }
}

function path(name, d) {
  const shape = document.createElementNS(SVG, "path");
  shape.setAttribute("class", name);
  shape.setAttribute("d", d);
  return shape;
}

const waiting = new Set();
const arrived = [];
let timer = 0;
let fetching = false;

/** Lines are fetched for rows that stay in sight a moment, one request at a time; rows that flew past cost nothing. */
function fetchSoon() {
  clearTimeout(timer);
  if (waiting.size && !fetching) timer = setTimeout(fetchLines, REST_MS);
}

async function fetchLines() {
  const batch = [...waiting].slice(0, BATCH);
  batch.forEach((row) => waiting.delete(row));
  fetching = true;
  try {
    const answer = await fetch(`${location.origin}/sparklines/?ids=${batch.map((row) => row.dataset.id).join(",")}`);
    if (!answer.ok) return;
    const { lines } = await answer.json();
    batch.forEach((row) => watcher.unobserve(row));
    if (!arrived.length) requestAnimationFrame(drawSome);
    arrived.push(...batch.map((row) => [row, lines[row.dataset.id]]));
  } catch {
    // the server cannot be reached: the rows ask again when they next come into sight
  } finally {
    fetching = false;
    fetchSoon();
  }
}

/** A few rows per frame, so that scrolling stays smooth while lines arrive. */
function drawSome() {
  for (const [row, line] of arrived.splice(0, ROWS_PER_FRAME)) drawLine(row.querySelector("svg"), line);
  if (arrived.length) requestAnimationFrame(drawSome);
}

function drawLine(svg, line) {
  if (!line) { svg.replaceChildren(); return; }
  svg.setAttribute("aria-label", line.words);
  svg.parentElement.title = line.words;
  svg.replaceChildren(...["area", "load", "limit", "memory"].filter((name) => line[name]).map((name) => path(name, line[name])));
}

const watcher = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    if (entry.isIntersecting) waiting.add(entry.target); else waiting.delete(entry.target);
  }
  fetchSoon();
}, { rootMargin: "900px" });

rows.forEach((row) => watcher.observe(row));
if (input?.value) filter(); // the server has hidden what does not match
input?.addEventListener("input", filter);
document.getElementById("fleet-filter-form")?.addEventListener("submit", (event) => {
  event.preventDefault();
  links()[0]?.click();
});
document.getElementById("fleet-clear")?.addEventListener("click", () => { input.value = ""; filter(); input.focus(); });
document.addEventListener("keydown", keys);

/** The instances as small multiples: one SVG path each, all on the same scale; a range is a change of the view box. */

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 240;
const HEIGHT = 48;
let whole = null;

export function bytesText(size) {
  if (size === null || !Number.isFinite(size)) return "–";
  const names = ["B", "KiB", "MiB", "GiB", "TiB"];
  let step = 0;
  let value = Math.abs(size);
  while (value >= 1024 && step < names.length - 1) { value /= 1024; step += 1; }
  const digits = step === 0 || value >= 99.95 ? 0 : 1;
  return `${size < 0 ? "−" : ""}${value.toFixed(digits)} ${names[step]}`;
}

export function showInstances(lines, range) {
  whole = range;
  const list = document.getElementById("instances");
  const cards = new Map([...list.querySelectorAll("[data-instance]")].map((card) => [card.dataset.instance, card]));
  for (const line of lines) {
    const card = cards.get(String(line.instance_id));
    if (!card) continue;
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("d", line.path);
    const svg = card.querySelector("svg");
    svg.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
    svg.replaceChildren(path);
    card.querySelector(".instance-bytes").textContent = bytesText(line.last_bytes);
    list.append(card);
    cards.delete(String(line.instance_id));
  }
  list.append(...cards.values()); // those that measured nothing here come last
}

export function zoomInstances(range) {
  if (!whole) return;
  const span = whole.to - whole.from;
  const x = ((range.from - whole.from) / span) * WIDTH;
  const width = ((range.to - range.from) / span) * WIDTH;
  for (const svg of document.querySelectorAll("#instances svg")) svg.setAttribute("viewBox", `${x} 0 ${width} ${HEIGHT}`);
}

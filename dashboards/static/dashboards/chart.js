/** Draws a figure that the server built: resolves its colours from the theme, keeps its height, follows the theme. */

const drawn = new Map();
const CONFIG = { displayModeBar: false, responsive: true, showTips: false, doubleClick: false, displaylogo: false };

const MISSING = "The chart library did not load, so the pictures are missing; reload the page. The numbers are in the tables.";

/** Wait for the chart library, which loads beside the page; fails once the page is whole without it. */
export function library() {
  if (window.Plotly) return Promise.resolve(window.Plotly);
  return new Promise((resolve, reject) => {
    const settle = () => (window.Plotly ? resolve(window.Plotly) : reject(new Error(MISSING)));
    if (document.readyState === "complete") settle();
    else window.addEventListener("load", settle, { once: true });
    document.getElementById("chart-library").addEventListener("load", settle, { once: true });
  });
}

/** Say in the place of a picture why there is none. */
function giveUp(element, error) {
  const words = document.createElement("p");
  words.className = "chart-missing muted";
  words.textContent = error.message;
  element.replaceChildren(words);
  element.setAttribute("aria-busy", "false");
}

/** Return a deep copy of `value` in which every "var(--name)" is the theme's colour; typed arrays stay as they are. */
export function resolved(value, styles) {
  if (typeof value === "string") {
    const found = /^var\((--[\w-]+)\)$/.exec(value);
    return found ? styles.getPropertyValue(found[1]).trim() : value;
  }
  if (Array.isArray(value)) return value.map((item) => resolved(item, styles));
  if (value && typeof value === "object" && !ArrayBuffer.isView(value)) {
    const copy = {};
    for (const key of Object.keys(value)) copy[key] = key === "bdata" ? value[key] : resolved(value[key], styles);
    return copy;
  }
  return value;
}

/** Draw `figure` into `element` (or redraw it there); returns the element, which then takes Plotly's events. */
export async function draw(element, figure) {
  const Plotly = await library().catch((error) => {
    giveUp(element, error);
    throw error;
  });
  drawn.set(element, figure);
  const ready = resolved(figure, getComputedStyle(document.documentElement));
  await Plotly.react(element, ready.data, ready.layout, CONFIG);
  element.setAttribute("aria-busy", "false");
  return element;
}

/** The figure that `element` shows, as it came. */
export function figureOf(element) {
  return drawn.get(element);
}

document.addEventListener("themechange", () => {
  for (const [element, figure] of drawn) if (element.isConnected) draw(element, figure);
});

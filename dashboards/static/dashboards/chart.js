/** Draws a figure that the server built: resolves its colours from the theme, keeps its height, follows the theme. */

const drawn = new Map();
const CONFIG = { displayModeBar: false, responsive: true, showTips: false, doubleClick: false, displaylogo: false };

/** Wait for the chart library, which loads beside the page. */
export function library() {
  if (window.Plotly) return Promise.resolve(window.Plotly);
  return new Promise((resolve, reject) => {
    const script = document.getElementById("chart-library");
    script.addEventListener("load", () => resolve(window.Plotly), { once: true });
    script.addEventListener("error", () => reject(new Error("The chart library did not load; reload the page.")), { once: true });
  });
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
  const Plotly = await library();
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

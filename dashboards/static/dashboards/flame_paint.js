/** Draws a scene on a canvas: one fill style per colour, text only where it fits. */

import { ROW_HEIGHT } from './flame_layout.js';
import { shortName } from './flame_names.js';

export const TEXT_PADDING = 4;
export const SHORTEST_TEXT = 3;
export const FONT = '12px ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace';
const SAMPLE = 'MMMMMMMMMMMMMMMMMMMM';
const GAP = 0.6;

/** Width of one character of the painter's font in CSS pixels. */
export function characterWidth(context) {
  context.font = FONT;
  return context.measureText(SAMPLE).width / SAMPLE.length;
}

/** The text that fits into `width` pixels: whole, without its path, cut short, or ''. */
export function fitText(text, width, character) {
  const room = Math.floor((width - 2 * TEXT_PADDING) / character);
  if (room < SHORTEST_TEXT) return '';
  if (text.length <= room) return text;
  const tail = shortName(text);
  if (tail.length <= room) return tail;
  return `${tail.slice(0, room - 1)}…`;
}

/**
 * Paint one scene.
 * look: { palette, ratio (device pixels), width, height, top (scrolled), focusLevel, character, diff }
 */
export function paint(context, data, scene, look) {
  const { palette, ratio } = look;
  const colours = look.diff ? palette.diff : palette.packages;
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.globalAlpha = 1;
  context.fillStyle = palette.background;
  context.fillRect(0, 0, look.width, look.height);
  const groups = groupByStyle(data, scene, look, colours.fill.length);
  fillGroups(context, scene, groups, { colours, palette, top: look.top });
  writeNames(context, data, scene, { groups, colours, palette, look });
}

/** Style per rectangle: colour, the same colour muted, or "found"; and the rectangles ordered by style. */
function groupByStyle(data, scene, look, colourCount) {
  const { count, node, bucket, merged } = scene;
  const found = colourCount * 2;
  const style = new Uint8Array(count);
  const start = new Uint32Array(found + 2);
  for (let k = 0; k < count; k += 1) {
    const i = node[k];
    const isHit = data.hit !== null && !merged[k] && data.hit[data.name[i]] === 1;
    const muted = data.hit !== null || data.level[i] < look.focusLevel;
    style[k] = isHit ? found : bucket[k] + (muted ? colourCount : 0);
    start[style[k] + 1] += 1;
  }
  for (let s = 0; s <= found; s += 1) start[s + 1] += start[s];
  const fill = start.slice();
  const order = new Uint32Array(count);
  for (let k = 0; k < count; k += 1) {
    order[fill[style[k]]] = k;
    fill[style[k]] += 1;
  }
  return { style, start, order, found, colourCount };
}

function fillGroups(context, scene, groups, { colours, palette, top }) {
  const { x, y, width, merged } = scene;
  const { start, order, found, colourCount } = groups;
  for (let s = 0; s <= found; s += 1) {
    if (start[s] === start[s + 1]) continue;
    context.fillStyle = s === found ? palette.hit : colours.fill[s % colourCount];
    context.globalAlpha = s >= colourCount && s < found ? palette.mutedAlpha : 1;
    for (let slot = start[s]; slot < start[s + 1]; slot += 1) {
      const k = order[slot];
      context.fillRect(x[k], y[k] - top, merged[k] ? width[k] : Math.max(1, width[k] - GAP), ROW_HEIGHT - 1);
    }
  }
  context.globalAlpha = 1;
}

function writeNames(context, data, scene, { groups, colours, palette, look }) {
  const { x, y, width, node, merged, count } = scene;
  const least = SHORTEST_TEXT * look.character + 2 * TEXT_PADDING;
  const { style, found, colourCount } = groups;
  context.font = FONT;
  context.textBaseline = 'middle';
  let ink = '';
  for (let k = 0; k < count; k += 1) {
    if (merged[k] || width[k] < least) continue;
    const text = fitText(data.label(node[k]), width[k], look.character);
    if (!text) continue;
    const s = style[k];
    const wanted = s === found ? palette.hitInk : s >= colourCount ? palette.ink : colours.ink[s];
    if (wanted !== ink) {
      ink = wanted;
      context.fillStyle = ink;
    }
    context.fillText(text, x[k] + TEXT_PADDING, y[k] - look.top + ROW_HEIGHT / 2);
  }
}

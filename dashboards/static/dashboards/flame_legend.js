/** The legend of the diff scale: what each colour means in bytes. */

import { DIFF_STEPS, bucketDelta } from './flame_colour.js';
import { formatDelta } from './flame_format.js';

const TICKS = [0, 4, 8, 12, 16];

/** Fill `host` for a diff tree; hide it for a plain one. */
export function diffLegend(host, data, palette) {
  host.hidden = !data.isDiff;
  if (!data.isDiff) return;
  const scale = document.createElement('div');
  scale.className = 'flame-legend-scale';
  scale.setAttribute('aria-hidden', 'true');
  for (let step = 0; step < DIFF_STEPS; step += 1) {
    const box = document.createElement('span');
    box.style.background = palette.diff.fill[step];
    scale.append(box);
  }
  const ticks = document.createElement('div');
  ticks.className = 'flame-legend-ticks';
  for (const step of TICKS) {
    const tick = document.createElement('span');
    tick.textContent = formatDelta(bucketDelta(step, data.largestDelta), data.unit);
    ticks.append(tick);
  }
  const words = document.createElement('div');
  words.className = 'flame-legend-words';
  words.append(span('less than before'), span('unchanged'), span('more than before'));
  host.setAttribute('role', 'group');
  host.setAttribute('aria-label', 'Legend: change against the baseline');
  host.replaceChildren(words, scale, ticks);
}

function span(text) {
  const made = document.createElement('span');
  made.textContent = text;
  return made;
}

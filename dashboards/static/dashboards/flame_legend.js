/** What the colours mean: the diff scale in bytes, or the packages of the frames that are drawn. */

import { DIFF_STEPS, bucketDelta } from './flame_colour.js';
import { formatDelta } from './flame_format.js';

const TICKS = [0, 4, 8, 12, 16];
const MOST_PACKAGES = 6;

/** Fill `host` for a diff tree. */
export function diffLegend(host, data, palette) {
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

/** Fill `host` with the packages that take most of the picture of `view`; a click on one calls `find(name)`. */
export function packageLegend(host, view, find) {
  const { scene, data, palette, buckets } = view;
  const areas = new Map();
  for (let k = 0; k < scene.count; k += 1) {
    const node = scene.node[k];
    if (scene.merged[k] || node === 0) continue;
    const found = buckets.packageAt(data.name[node]);
    const known = areas.get(found.name) ?? { area: 0, bucket: scene.bucket[k], own: found.own };
    known.area += scene.width[k];
    areas.set(found.name, known);
  }
  const largest = Array.from(areas).filter(([, { own, bucket }]) => !own && bucket > 0).sort((a, b) => b[1].area - a[1].area);
  const list = document.createElement('ul');
  list.className = 'flame-legend-packages';
  for (const [name, { bucket }] of largest.slice(0, MOST_PACKAGES)) list.append(packageItem(name, palette.packages.fill[bucket], find));
  if (Array.from(areas.values()).some(({ own }) => own)) list.append(packageItem('the language’s own', palette.packages.fill[0]));
  host.setAttribute('role', 'group');
  host.setAttribute('aria-label', 'Legend: colours by package');
  host.replaceChildren(list);
}

function packageItem(name, colour, find = null) {
  const item = document.createElement('li');
  const key = document.createElement('span');
  key.className = 'flame-legend-key';
  key.style.background = colour;
  const words = find ? document.createElement('button') : span(name);
  if (find) {
    words.type = 'button';
    words.className = 'link';
    words.textContent = name;
    words.title = `Find ${name}`;
    words.addEventListener('click', () => find(name));
  }
  item.append(key, words);
  return item;
}

function span(text) {
  const made = document.createElement('span');
  made.textContent = text;
  return made;
}

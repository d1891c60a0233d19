/** What can be seen: the visible rectangles of a tree, found by binary search per level, sub-pixel frames merged. */

import { diffBucket } from './flame_colour.js';

export const ROW_HEIGHT = 20;
const LINEAR_SCAN = 16;
const UNSET = -1;

/** Rectangles in flat growable arrays; `merged` marks a run of frames too narrow to draw one by one. */
export class Scene {
  constructor(capacity = 4096) {
    this.count = 0;
    this.#allocate(capacity);
  }

  #allocate(capacity) {
    const grown = {
      x: new Float32Array(capacity), y: new Float32Array(capacity), width: new Float32Array(capacity),
      node: new Int32Array(capacity), bucket: new Uint8Array(capacity), merged: new Uint8Array(capacity),
    };
    for (const [key, column] of Object.entries(grown)) if (this[key]) column.set(this[key]);
    Object.assign(this, grown);
    this.capacity = capacity;
  }

  clear() { this.count = 0; }

  add(node, x0, x1, y, bucket, merged) {
    if (this.count === this.capacity) this.#allocate(this.capacity * 2);
    const k = this.count;
    this.node[k] = node;
    this.x[k] = x0;
    this.width[k] = x1 - x0;
    this.y[k] = y;
    this.bucket[k] = bucket;
    this.merged[k] = merged ? 1 : 0;
    this.count = k + 1;
  }
}

/**
 * Fill `scene` with what lies in the window.
 * view: { width, top, bottom (CSS px), root (node at full width), upward (root at the bottom), buckets (PackageBuckets) }
 */
export function layOut(data, view, scene) {
  scene.clear();
  if (!data.nodes || !(data.width[view.root] > 0)) return scene;
  const window = {
    from: data.left[view.root], to: data.left[view.root] + data.width[view.root],
    pixels: view.width / data.width[view.root], width: view.width,
  };
  for (let depth = 0; depth < data.depth; depth += 1) {
    const y = rowTop(data, depth, view.upward);
    if (y + ROW_HEIGHT > view.top && y < view.bottom) layOutLevel(data, depth, y, { window, view, scene });
  }
  return scene;
}

/** Top edge of a level in CSS pixels. */
export function rowTop(data, depth, upward) {
  return (upward ? data.depth - 1 - depth : depth) * ROW_HEIGHT;
}

function layOutLevel(data, depth, y, { window, view, scene }) {
  const { left, width, byLevel, levelStart, name } = data;
  const { from, to, pixels } = window;
  const last = levelStart[depth + 1];
  const run = { node: UNSET, from: 0, to: 0, bucket: 0 };
  const flush = () => {
    if (run.node !== UNSET) scene.add(run.node, run.from, Math.min(window.width, run.to), y, run.bucket, true);
    run.node = UNSET;
  };
  let slot = data.seek(depth, from);
  while (slot < last) {
    const i = byLevel[slot];
    if (left[i] >= to) break;
    const x0 = (left[i] - from) * pixels;
    const x1 = x0 + width[i] * pixels;
    if (x1 - x0 >= 1) {
      flush();
      const bucket = data.isDiff ? diffBucket(data.delta(i), data.largestDelta) : view.buckets.of(name[i]);
      scene.add(i, Math.max(0, x0), Math.min(window.width, x1), y, bucket, false);
      slot += 1;
      continue;
    }
    const pixel = Math.floor(x0);
    const stop = endOfPixel(data, slot, last, from + (pixel + 1) / pixels, 1 / pixels);
    const change = data.isDiff ? data.runs[stop] - data.runs[slot] : 0;
    const bucket = data.isDiff ? diffBucket(change, data.largestDelta) : view.buckets.of(name[i]);
    if (run.node !== UNSET && pixel <= run.to && bucket === run.bucket) {
      run.to = Math.max(run.to, pixel + 1);
    } else if (width[i] > 0 || stop - slot > 1) {
      flush();
      Object.assign(run, { node: i, from: Math.max(0, pixel), to: pixel + 1, bucket });
    }
    slot = stop;
  }
  flush();
}

/** First slot after `slot` that starts in a later pixel or is itself wide enough to be drawn. */
function endOfPixel(data, slot, last, edge, wide) {
  const { left, width, byLevel } = data;
  let stop = slot + 1;
  const limit = Math.min(last, stop + LINEAR_SCAN);
  while (stop < limit && left[byLevel[stop]] < edge) stop += 1;
  if (stop === limit && stop < last && left[byLevel[stop]] < edge) {
    let low = stop;
    let high = last;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (left[byLevel[middle]] < edge) low = middle + 1;
      else high = middle;
    }
    stop = low;
  }
  // Only the last frame of the pixel can reach beyond it; drawn alone it keeps its name.
  return stop - 1 > slot && width[byLevel[stop - 1]] >= wide ? stop - 1 : stop;
}

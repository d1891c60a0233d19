/**
 * A merged tree of frames as flat typed arrays in preorder: decoding, widths, positions and look-ups.
 *
 * No object exists per node. Node 0 is the root; the subtree of node i is [i, end[i]). `current` and `baseline` are
 * cumulative values in `unit`; a tree without a baseline has `baseline === null`.
 */

const DEEPEST = 65_535;
const MAGIC = 0x31464c50; // "PLF1", little-endian
const DTYPES = { u1: Uint8Array, u2: Uint16Array, u4: Uint32Array, f8: Float64Array };

/** What the server sent cannot be drawn; `message` is a sentence for the reader. */
export class FlameDataError extends Error {}

/** Decode the server's binary columns (see profiler_server/codecs/flame_payload.py) into a FlameData. */
export function decodeFlame(buffer) {
  if (buffer.byteLength < 8) throw new FlameDataError('The answer is empty. Reload the page.');
  const head = new DataView(buffer);
  if (head.getUint32(0, true) !== MAGIC) throw new FlameDataError('The answer is not a flame graph. Reload the page.');
  const headerLength = head.getUint32(4, true);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 8, headerLength)));
  const body = (8 + headerLength + 7) & ~7;
  const column = (key) => {
    const { dtype, offset, length } = header.columns[key];
    return new DTYPES[dtype](buffer, body + offset, length);
  };
  const strings = (key) => {
    const { offset, length } = header.strings[key];
    return new TextDecoder().decode(new Uint8Array(buffer, body + offset, length)).split('\n');
  };
  const up = column('up');
  const level = new Uint16Array(header.nodes);
  for (let i = 1, depth = 0; i < level.length; i += 1) {
    depth += 1 - up[i];
    level[i] = depth;
  }
  return new FlameData({
    level,
    name: column('name').slice(),
    names: strings('functions'),
    files: strings('files'),
    fileOf: column('file_of').slice(),
    lineOf: column('line_of').slice(),
    current: spread(column('current_gaps'), column('current'), header.nodes),
    baseline: header.diff ? spread(column('baseline_gaps'), column('baseline'), header.nodes) : null,
    unit: header.unit,
    meta: header.meta ?? {},
  });
}

/** Undo the server's sparse form: gaps between the nodes that have an own value, and those values. */
function spread(gaps, values, nodes) {
  const dense = new Float64Array(nodes);
  for (let j = 0, i = 0; j < gaps.length; j += 1) {
    i += gaps[j];
    dense[i] += values[j];
  }
  return dense;
}

export class FlameData {
  /** `current` and `baseline` arrive as each node's own (flat) values and are summed upwards in place. */
  constructor({ level, name, names, files = [''], fileOf, lineOf, current, baseline = null, unit = 'bytes', meta = {} }) {
    const nodes = level.length;
    Object.assign(this, { nodes, level, name, names, files, fileOf, lineOf, unit, meta, current, baseline });
    this.parent = new Int32Array(nodes);
    this.end = new Uint32Array(nodes);
    this.hit = null;
    this.negative = false;
    this.#link();
    this.#sum();
    this.scale = 1;
    this.position();
  }

  /** Forwards: parents, and the nodes of each level in order. */
  #link() {
    const { level, parent, nodes, current, baseline } = this;
    const open = new Int32Array(DEEPEST + 1);
    const start = new Uint32Array(DEEPEST + 2);
    let deepest = 0;
    for (let i = 0; i < nodes; i += 1) {
      const depth = level[i];
      parent[i] = depth ? open[depth - 1] : -1;
      open[depth] = i;
      start[depth + 1] += 1;
      if (depth > deepest) deepest = depth;
      if (current[i] < 0 || (baseline !== null && baseline[i] < 0)) this.negative = true;
    }
    this.depth = nodes ? deepest + 1 : 0;
    for (let depth = 0; depth < this.depth; depth += 1) start[depth + 1] += start[depth];
    this.levelStart = start.slice(0, this.depth + 1);
    const byLevel = new Uint32Array(nodes);
    for (let i = 0; i < nodes; i += 1) {
      byLevel[start[level[i]]] = i;
      start[level[i]] += 1;
    }
    this.byLevel = byLevel;
  }

  /** Backwards: cumulative values, and where each subtree ends (its last child comes first this way). */
  #sum() {
    const { parent, end, nodes, current, baseline } = this;
    for (let i = nodes - 1; i >= 0; i -= 1) {
      if (end[i] === 0) end[i] = i + 1;
      if (i === 0) break;
      const above = parent[i];
      if (end[above] === 0) end[above] = end[i];
      current[above] += current[i];
      if (baseline !== null) baseline[above] += baseline[i];
    }
  }

  /** Scale the baseline (normalise by load or by total) and lay the tree out again. */
  setScale(scale) {
    if (scale === this.scale) return;
    this.scale = scale;
    this.position();
  }

  /** Width and left edge of every node. A diff's width is current + baseline, so that vanished frames stay visible. */
  position() {
    const { nodes, parent, current, baseline, scale } = this;
    const given = this.negative ? this.#magnitudes() : baseline ? null : current;
    const width = given ?? new Float64Array(nodes);
    const left = this.left ?? new Float64Array(nodes);
    const next = new Float64Array(nodes);
    let most = 0;
    for (let i = 0; i < nodes; i += 1) {
      if (baseline !== null) {
        const before = scale * baseline[i];
        const delta = Math.abs(current[i] - before);
        if (delta > most) most = delta;
        if (given === null) width[i] = current[i] + before;
      }
      if (i === 0) continue;
      const above = parent[i];
      const x = next[above];
      left[i] = x;
      next[i] = x;
      next[above] = x + width[i];
    }
    Object.assign(this, { width, left, largestDelta: most });
    this.#prefixSums();
  }

  #magnitudes() {
    const { parent, nodes, baseline, scale } = this;
    const width = this.flat('current').map(Math.abs);
    if (baseline) this.flat('baseline').forEach((value, i) => { width[i] += scale * Math.abs(value); });
    for (let i = nodes - 1; i > 0; i -= 1) width[parent[i]] += width[i];
    return width;
  }

  /** Sums along each level make the exact change of any run of sub-pixel frames a subtraction. */
  #prefixSums() {
    const { byLevel, nodes, current, baseline, scale } = this;
    if (!baseline) {
      this.runs = null;
      return;
    }
    const runs = this.runs ?? new Float64Array(nodes + 1);
    let sum = 0;
    for (let slot = 0; slot < nodes; slot += 1) {
      const i = byLevel[slot];
      sum += current[i] - scale * baseline[i];
      runs[slot + 1] = sum;
    }
    this.runs = runs;
  }

  get isDiff() { return this.baseline !== null; }

  label(i) { return this.names[this.name[i]]; }

  file(i) { return this.files[this.fileOf[this.name[i]]] ?? ''; }

  line(i) { return this.lineOf[this.name[i]] ?? 0; }

  delta(i) { return this.baseline ? this.current[i] - this.scale * this.baseline[i] : 0; }

  /** Own value of one node: its value without its callees'. */
  own(i, side = 'current') {
    const values = this[side];
    if (!values) return 0;
    let value = values[i];
    for (let child = i + 1; child < this.end[i]; child = this.end[child]) value -= values[child];
    return value;
  }

  /** Own values of all nodes. */
  flat(side = 'current') {
    const values = this[side];
    const flat = values.slice();
    for (let i = 1; i < this.nodes; i += 1) flat[this.parent[i]] -= values[i];
    return flat;
  }

  /** First slot of `depth` whose right edge lies beyond `x`. */
  seek(depth, x) {
    const { byLevel, left, width, levelStart } = this;
    const first = levelStart[depth];
    let low = first;
    let high = levelStart[depth + 1];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (left[byLevel[middle]] <= x) low = middle + 1;
      else high = middle;
    }
    if (low > first) {
      const before = byLevel[low - 1];
      if (left[before] + width[before] > x) return low - 1;
    }
    return low;
  }

  /** The node at `depth` that covers `x`, or −1. */
  at(depth, x) {
    if (depth < 0 || depth >= this.depth) return -1;
    const slot = this.seek(depth, x);
    if (slot >= this.levelStart[depth + 1]) return -1;
    const i = this.byLevel[slot];
    return this.left[i] <= x && x < this.left[i] + this.width[i] ? i : -1;
  }

  /** Mark the frames whose function or file matches; text is a substring, /text/ a regular expression. */
  search(query) {
    if (!query) {
      this.hit = null;
      return { frames: 0, current: 0, baseline: 0, share: 0, error: '' };
    }
    let test;
    try {
      test = matcher(query);
    } catch {
      this.hit = null;
      return { frames: 0, current: 0, baseline: 0, share: 0, error: 'This regular expression is not complete.' };
    }
    const { names, files, fileOf } = this;
    const fileHit = files.map(test);
    const hit = new Uint8Array(names.length);
    for (let k = 0; k < names.length; k += 1) if (fileHit[fileOf[k]] || test(names[k])) hit[k] = 1;
    this.hit = hit;
    return this.#measureHits(hit);
  }

  /** Value under the hits; a hit inside a hit is not counted twice. */
  #measureHits(hit) {
    const { nodes, name, end, current, baseline, width } = this;
    const found = { frames: 0, current: 0, baseline: 0, share: 0, error: '' };
    let covered = 0;
    for (let i = 0, skip = 0; i < nodes; i += 1) {
      if (!hit[name[i]]) continue;
      found.frames += 1;
      if (i < skip) continue;
      found.current += current[i];
      if (baseline) found.baseline += baseline[i];
      covered += width[i];
      skip = end[i];
    }
    found.share = width[0] ? covered / width[0] : 0;
    return found;
  }

  /** Path from the root to node i, both included. */
  path(i) {
    const path = [];
    for (let j = i; j >= 0; j = this.parent[j]) path.push(j);
    return path.reverse();
  }

  /** A short name for node i that survives a reload with other data: a hash over the functions on its path. */
  pathKey(i) {
    let key = 0;
    for (const j of this.path(i)) key = j ? mix(key, this.#nameHash(this.name[j])) : 0;
    return i > 0 ? (key >>> 0).toString(36) : '';
  }

  /** Functions of one name in different files are not the same; lines count only where frames are lines. */
  #nameHash(nameId) {
    const line = this.meta.granularity === 'line' ? this.lineOf[nameId] : '';
    return hashText(`${this.names[nameId]}\n${this.files[this.fileOf[nameId]] ?? ''}\n${line}`);
  }

  /** The node that `pathKey` named, or 0. */
  findPath(key) {
    if (!key) return 0;
    const wanted = parseInt(key, 36) >>> 0;
    const hashes = Int32Array.from(this.names, (_, k) => this.#nameHash(k));
    const keys = new Int32Array(this.nodes);
    for (let i = 1; i < this.nodes; i += 1) {
      keys[i] = mix(keys[this.parent[i]], hashes[this.name[i]]);
      if ((keys[i] >>> 0) === wanted) return i;
    }
    return 0;
  }
}

/** A test of one text: `/re/` is a regular expression without case, anything else a substring without case. */
export function matcher(query) {
  if (query.length > 2 && query.startsWith('/') && query.endsWith('/')) {
    const expression = new RegExp(query.slice(1, -1), 'i');
    return (text) => expression.test(text);
  }
  const wanted = query.toLowerCase();
  return (text) => text.toLowerCase().includes(wanted);
}

/** FNV-1a over UTF-16 units. */
export function hashText(text) {
  let hash = 0x811c9dc5;
  for (let k = 0; k < text.length; k += 1) hash = Math.imul(hash ^ text.charCodeAt(k), 0x01000193);
  return hash | 0;
}

function mix(above, hash) {
  return Math.imul((above ^ hash) + 0x9e3779b9, 0x85ebca6b) ^ (above >>> 13);
}

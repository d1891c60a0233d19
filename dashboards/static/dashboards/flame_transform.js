/** Trees made from trees: focus, hide, collapsed recursion, callers and callees, and the table of functions. */

import { FlameData, matcher } from './flame_model.js';

/** Options that change which tree is drawn: { focus: [text], hide: [text], collapse: bool, sandwich: function | '' }. */
export function transformed(data, { focus = [], hide = [], collapse = false } = {}) {
  if (!focus.length && !hide.length && !collapse) return data;
  const keep = nameTests(data, focus);
  const drop = nameTests(data, hide);
  const builder = new TreeBuilder(data);
  const target = new Int32Array(data.nodes);
  const kept = focus.length ? focusedNodes(data, keep) : null;
  const own = ownValues(data);
  for (let i = 1; i < data.nodes; i += 1) {
    const above = target[data.parent[i]];
    const name = data.name[i];
    const skipped = (drop && drop[name]) || (collapse && builder.nameOf(above) === name && above > 0);
    target[i] = skipped ? above : builder.child(above, name);
    if (!kept || kept[i]) addOwn(builder, target[i], own, i);
  }
  if (!kept || kept[0]) addOwn(builder, 0, own, 0);
  return builder.finish();
}

function ownValues(data) {
  return { current: data.flat('current'), baseline: data.baseline ? data.flat('baseline') : null };
}

function addOwn(builder, node, own, i) {
  builder.add(node, own.current[i], own.baseline ? own.baseline[i] : 0);
}

/** Per distinct name: does any of the texts match its function or file? */
function nameTests(data, texts) {
  if (!texts.length) return null;
  const tests = texts.map(exactOrMatch);
  return Uint8Array.from(data.names, (name, k) => {
    const file = data.files[data.fileOf[k]] ?? '';
    return tests.some((test) => test(name) || test(file)) ? 1 : 0;
  });
}

/** `=name` names one function exactly (what the menu writes); anything else is matched like a search. */
function exactOrMatch(text) {
  if (text.startsWith('=')) return (value) => value === text.slice(1);
  try {
    return matcher(text);
  } catch {
    return () => false;
  }
}

/** A node stays under "focus" when a frame of its own path, itself included, matches. */
function focusedNodes(data, keep) {
  const kept = new Uint8Array(data.nodes);
  for (let i = 0; i < data.nodes; i += 1) {
    kept[i] = keep[data.name[i]] || (i > 0 && kept[data.parent[i]]) ? 1 : 0;
  }
  return kept;
}

/** Collects nodes by (parent, name) and lays them out in preorder, widest child first. */
class TreeBuilder {
  constructor(source, rootName = source.name[0]) {
    this.source = source;
    this.name = [rootName];
    this.current = [0];
    this.baseline = [0];
    this.children = [null];
  }

  nameOf(node) { return this.name[node]; }

  child(node, name) {
    const known = (this.children[node] ??= new Map());
    let found = known.get(name);
    if (found === undefined) {
      found = this.name.length;
      this.name.push(name);
      this.current.push(0);
      this.baseline.push(0);
      this.children.push(null);
      known.set(name, found);
    }
    return found;
  }

  add(node, current, baseline) {
    this.current[node] += current;
    this.baseline[node] += baseline;
  }

  /** Cumulative magnitude per node: children have higher numbers than their parent. */
  #weights() {
    const weight = this.current.map((value, i) => Math.abs(value) + Math.abs(this.baseline[i]));
    const parent = new Int32Array(weight.length);
    this.children.forEach((known, i) => known?.forEach((c) => { parent[c] = i; }));
    for (let i = weight.length - 1; i > 0; i -= 1) weight[parent[i]] += weight[i];
    return weight;
  }

  finish() {
    const { source } = this;
    const weight = this.#weights();
    const order = [];
    const levels = [];
    const stack = [[0, 0]];
    while (stack.length) {
      const [node, level] = stack.pop();
      order.push(node);
      levels.push(level);
      const below = [...(this.children[node]?.values() ?? [])].filter((c) => weight[c] > 0);
      below.sort((a, b) => weight[a] - weight[b]);
      for (const c of below) stack.push([c, level + 1]);
    }
    const made = new FlameData({
      level: Uint16Array.from(levels), name: Uint32Array.from(order, (i) => this.name[i]),
      names: source.names, files: source.files, fileOf: source.fileOf, lineOf: source.lineOf,
      current: Float64Array.from(order, (i) => this.current[i]),
      baseline: source.baseline ? Float64Array.from(order, (i) => this.baseline[i]) : null,
      unit: source.unit, meta: source.meta,
    });
    made.setScale(source.scale);
    return made;
  }
}

/** Index of a function by its name, or −1. */
export function nameIndex(data, functionName) {
  return data.names.indexOf(functionName);
}

/**
 * Everything below and everything above one function, merged: { callees, callers }.
 * Nested calls of the function itself are counted once.
 */
export function sandwich(data, nameId) {
  const callees = new TreeBuilder(data, nameId);
  const callers = new TreeBuilder(data, nameId);
  const own = ownValues(data);
  const { nodes, name, parent, end, current, baseline } = data;
  const target = new Int32Array(nodes);
  for (let i = 0, skip = 0; i < nodes; i += 1) {
    if (name[i] !== nameId || i < skip) continue;
    skip = end[i];
    target[i] = 0;
    addOwn(callees, 0, own, i);
    for (let j = i + 1; j < end[i]; j += 1) {
      target[j] = callees.child(target[parent[j]], name[j]);
      addOwn(callees, target[j], own, j);
    }
    let node = 0;
    for (let above = parent[i]; above > 0; above = parent[above]) node = callers.child(node, name[above]);
    callers.add(node, current[i], baseline ? baseline[i] : 0);
  }
  return { callees: callees.finish(), callers: callers.finish() };
}

/**
 * The table of functions: columns by name index, recursion counted once.
 * Returns { rows: Uint32Array of name indices with a value, flat, cumulative, flatBefore, cumulativeBefore }.
 */
export function functionTable(data) {
  const { nodes, name, end, current, baseline, names } = data;
  const make = () => new Float64Array(names.length);
  const table = { flat: make(), cumulative: make(), flatBefore: make(), cumulativeBefore: make() };
  const own = ownValues(data);
  const until = new Uint32Array(names.length);
  for (let i = 1; i < nodes; i += 1) {
    const k = name[i];
    table.flat[k] += own.current[i];
    if (baseline) table.flatBefore[k] += own.baseline[i];
    if (i < until[k]) continue;
    until[k] = end[i];
    table.cumulative[k] += current[i];
    if (baseline) table.cumulativeBefore[k] += baseline[i];
  }
  const rows = [];
  for (let k = 0; k < names.length; k += 1) {
    if (table.flat[k] || table.cumulative[k] || table.flatBefore[k] || table.cumulativeBefore[k]) rows.push(k);
  }
  return { rows: Uint32Array.from(rows), ...table };
}

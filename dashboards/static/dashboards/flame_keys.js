/** Where the keyboard cursor goes: arrows through the tree, Home, and n/N through what was found. */

/** The node that `key` leads to from `cursor`, or null where the key means nothing here. */
export function cursorAfter(data, cursor, key, { upward = false, root = 0 } = {}) {
  const deeper = upward ? 'ArrowUp' : 'ArrowDown';
  const higher = upward ? 'ArrowDown' : 'ArrowUp';
  switch (key) {
    case deeper: return widestChild(data, cursor);
    case higher: return data.parent[cursor] >= 0 ? data.parent[cursor] : cursor;
    case 'ArrowRight': return neighbour(data, cursor, 1);
    case 'ArrowLeft': return neighbour(data, cursor, -1);
    case 'Home': return root;
    case 'End': return deepest(data, cursor);
    case 'n': return nextFound(data, cursor, 1);
    case 'N': return nextFound(data, cursor, data.nodes - 1);
    default: return null;
  }
}

function widestChild(data, node) {
  let best = node;
  let most = 0;
  for (let child = node + 1; child < data.end[node]; child = data.end[child]) {
    if (data.width[child] > most) {
      most = data.width[child];
      best = child;
    }
  }
  return best;
}

/** Follow the widest child to a leaf: where most of the memory is allocated. */
function deepest(data, node) {
  let here = node;
  for (let next = widestChild(data, here); next !== here; next = widestChild(data, here)) here = next;
  return here;
}

function neighbour(data, node, step) {
  const depth = data.level[node];
  const first = data.levelStart[depth];
  const last = data.levelStart[depth + 1];
  let slot = data.seek(depth, data.left[node] + data.width[node] / 2) + step;
  while (slot >= first && slot < last && !(data.width[data.byLevel[slot]] > 0)) slot += step;
  return slot >= first && slot < last ? data.byLevel[slot] : node;
}

function nextFound(data, cursor, step) {
  if (!data.hit || !data.nodes) return null;
  for (let k = 0, j = cursor; k < data.nodes; k += 1) {
    j = (j + step) % data.nodes;
    if (data.hit[data.name[j]] && data.width[j] > 0) return j;
  }
  return cursor;
}

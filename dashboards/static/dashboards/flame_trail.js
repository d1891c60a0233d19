/** The lines around the graph: the path that is zoomed to, the filters in force, and the frame under the pointer. */

import { figures, place } from './flame_describe.js';
import { shortName } from './flame_names.js';

const LONGEST_TRAIL = 8;

function button(text, className, run) {
  const made = document.createElement('button');
  made.type = 'button';
  made.className = className;
  made.textContent = text;
  made.addEventListener('click', run);
  return made;
}

/** The breadcrumb: root … zoomed frame, each a step back. */
export function renderTrail(host, data, root, onZoom) {
  const path = data.path(root);
  const items = [];
  const hidden = path.length - LONGEST_TRAIL;
  path.forEach((node, depth) => {
    if (hidden > 0 && depth > 0 && depth <= hidden) {
      if (depth === hidden) items.push(listItem(`… ${hidden} frames …`));
      return;
    }
    const name = shortName(data.label(node));
    const item = document.createElement('li');
    if (node === root) {
      const here = document.createElement('span');
      here.setAttribute('aria-current', 'location');
      here.textContent = name;
      here.title = data.label(node);
      item.append(here);
    } else {
      const step = button(name, 'flame-crumb', () => onZoom(node));
      step.title = data.label(node);
      item.append(step);
    }
    items.push(item);
  });
  const list = document.createElement('ol');
  list.append(...items);
  host.replaceChildren(list);
}

function listItem(text) {
  const item = document.createElement('li');
  item.textContent = text;
  return item;
}

/** Chips for the filters; each removes itself. */
export function renderFilters(host, filters) {
  host.replaceChildren(...filters.map(({ kind, text, clear }) => {
    const chip = button('', 'flame-chip', clear);
    const shown = text.startsWith('=') ? shortName(text.slice(1)) : text;
    chip.append(`${kind}: `, strong(shown), ' ×');
    chip.setAttribute('aria-label', `Remove: ${kind} ${shown}`);
    return chip;
  }));
  host.hidden = filters.length === 0;
}

function strong(text) {
  const made = document.createElement('strong');
  made.textContent = text;
  return made;
}

/** The status line for one frame: name, place (a link where the source can be opened), numbers. */
export function renderStatus(host, data, node, sourceLink) {
  if (node < 0 || !data?.nodes) return;
  const name = document.createElement('span');
  name.className = 'flame-status-name';
  name.textContent = data.label(node);
  name.title = data.label(node);
  const parts = [name];
  const where = place(data, node);
  if (where) {
    const href = sourceLink(data.file(node), data.line(node));
    const shown = document.createElement(href ? 'a' : 'span');
    shown.className = 'flame-status-place';
    shown.textContent = where;
    shown.title = where;
    if (href) Object.assign(shown, { href, target: '_blank', rel: 'noopener noreferrer' });
    parts.push(shown);
  }
  const numbers = document.createElement('span');
  numbers.className = 'flame-status-figures';
  numbers.textContent = figures(data, node).map(([label, value]) => `${label} ${value}`).join(' · ');
  host.replaceChildren(...parts, numbers);
}

/** A function from (file, line) to the address of the source, from a template with {file}, {line}, {release}. */
export function sourceLinker(template, release) {
  if (!template || !/^https?:\/\//.test(template)) return () => '';
  return (file, line) => {
    if (!file || file.startsWith('<')) return '';
    const values = { file: encodeURI(file.replace(/^\/+/, '')), line: String(line || 1), release: encodeURIComponent(release || 'HEAD') };
    return template.replace(/\{(file|line|release)\}/g, (_, key) => values[key]);
  };
}

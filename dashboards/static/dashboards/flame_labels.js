/** The filter by label: a field with suggestions from the API, and a chip for every label in force. */

import { fetchJson } from './flame_load.js';

const MOST_SUGGESTIONS = 500;
const ADVICE = 'Write a label as key=value, for example region=eu.';

/** What the API knows of a service's labels as "key=value", fetched when somebody first looks for it. */
class Suggestions {
  constructor(api, list) {
    this.api = api;
    this.list = list;
    this.asked = false;
  }

  async fill() {
    if (this.asked) return;
    this.asked = true;
    try {
      const { labels } = await fetchJson(`${this.api}/labels`);
      const pairs = Object.entries(labels).flatMap(([key, values]) => values.map((value) => `${key}=${value}`));
      this.list.replaceChildren(...pairs.slice(0, MOST_SUGGESTIONS).map((text) => new Option(text, text)));
    } catch {
      this.asked = false; // the field works without them; the next visit asks again
    }
  }
}

function pairOf(text) {
  const at = text.indexOf('=');
  const key = text.slice(0, Math.max(at, 0)).trim();
  const value = text.slice(at + 1).trim();
  return key && value ? { key, text: `${key}=${value}` } : null;
}

/** Bind one filter (parts/flame_labels.html): `get()` returns the pairs in force, `set(pairs)` changes them. */
export function bindLabels(host, api, { get, set }) {
  const input = host.querySelector('input[list]');
  const suggestions = new Suggestions(api, host.querySelector('datalist'));
  const add = () => {
    if (!input.value.trim()) return;
    const pair = pairOf(input.value);
    input.setCustomValidity(pair ? '' : ADVICE);
    if (!pair) {
      input.reportValidity();
      return;
    }
    input.value = '';
    set([...get().filter((text) => !text.startsWith(`${pair.key}=`)), pair.text].sort());
  };
  input.addEventListener('focus', () => suggestions.fill());
  input.addEventListener('input', (event) => {
    input.setCustomValidity('');
    if (event.inputType === 'insertReplacementText' || !event.inputType) add(); // chosen from the suggestions
  });
  input.addEventListener('change', (event) => {
    event.stopPropagation();
    add();
  });
  input.addEventListener('keydown', (event) => {
    if (event.key !== 'Enter') return;
    event.preventDefault();
    add();
  });
  host.addEventListener('click', (event) => {
    const chip = event.target.closest('[data-pair]');
    if (!chip) return;
    event.preventDefault();
    set(get().filter((text) => text !== chip.dataset.pair));
    input.focus();
  });
}

/** Show the chips of the pairs in force. */
export function showLabels(host, pairs) {
  host.querySelector('[data-label-chips]').replaceChildren(...pairs.map((text) => {
    const chip = document.createElement('button');
    chip.type = 'button';
    chip.className = 'flame-chip';
    chip.dataset.pair = text;
    chip.setAttribute('aria-label', `Remove the label ${text}`);
    chip.append(text, ' ×');
    return chip;
  }));
}

/** A filter that follows a field of the page's state. */
export function bindStateLabels(host, api, state, name) {
  bindLabels(host, api, { get: () => state.get(name), set: (pairs) => state.set({ [name]: pairs }) });
  const follow = () => showLabels(host, state.get(name));
  state.addEventListener('change', follow);
  follow();
}

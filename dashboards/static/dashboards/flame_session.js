/** Loading what a panel shows: progress, cancel, retry and errors in place, without moving the layout. */

import { FlameDataError, decodeFlame } from './flame_model.js';
import { LoadError, Loader, csrfToken, fetchBytes } from './flame_load.js';
import { formatValue } from './flame_format.js';

const ACCEPT = 'application/vnd.plimsoll.flame';
const SHOW_AFTER_MS = 150;

export class FlameSession extends EventTarget {
  /**
   * urlOf(): the address of the binary answer for the page's present state; wayOut(error): what else than trying again
   * helps after a failure, { text, label, run }, or null.
   */
  constructor(panel, urlOf, { wayOut = () => null } = {}) {
    super();
    this.panel = panel;
    this.urlOf = urlOf;
    this.wayOut = wayOut;
    this.loader = new Loader();
    this.parts = panel.parts;
    this.parts.cancel.addEventListener('click', () => this.#cancel());
    this.parts.retry.addEventListener('click', () => this.again());
  }

  /** Load what the state asks for. */
  load() {
    this.again = () => this.load();
    this.file = null;
    return this.#run((options) => fetchBytes(this.urlOf(), { ...options, headers: { Accept: ACCEPT } }));
  }

  /** Show a pprof file that the reader opened, nothing is stored; `before` is called when it could be read. */
  open(file, url, before = () => {}) {
    this.again = () => this.open(file, url, before);
    this.file = file;
    const headers = { Accept: ACCEPT, 'X-CSRFToken': csrfToken(), 'Content-Type': 'application/octet-stream' };
    return this.#run((options) => fetchBytes(url, { ...options, method: 'POST', body: file, headers }), before);
  }

  async #run(fetchIt, before = () => {}) {
    const { file } = this;
    const { parts } = this;
    const started = setTimeout(() => this.#busy('Loading …'), SHOW_AFTER_MS);
    try {
      const data = await this.loader.run(async (signal) => {
        const onProgress = (received) => { parts.loadText.textContent = `Loading … ${formatValue(received)}`; };
        return decodeFlame(await fetchIt({ signal, onProgress }));
      });
      if (!data) return;
      this.#ready();
      before();
      this.panel.show(data);
      this.dispatchEvent(new CustomEvent('loaded', { detail: { data, file } }));
    } catch (error) {
      this.#failed(error);
    } finally {
      clearTimeout(started);
    }
  }

  #busy(text) {
    const { parts } = this;
    parts.load.hidden = false;
    parts.load.dataset.state = 'busy';
    parts.loadText.textContent = text;
    parts.progress.hidden = false;
    parts.cancel.hidden = false;
    parts.retry.hidden = true;
  }

  #ready() { this.parts.load.hidden = true; }

  #cancel() {
    this.loader.cancel();
    this.#stopped('Cancelled. What was shown before stays.', 'stopped');
  }

  #failed(error) {
    if (error.cancelled) return;
    const known = error instanceof LoadError || error instanceof FlameDataError;
    const refused = this.file && error.status >= 400 && error.status < 500;
    const found = refused
      ? { text: `${this.file.name} cannot be shown: ${error.message}`, label: 'Close', run: () => this.#ready() }
      : this.wayOut(error);
    if (found) this.again = found.run;
    const text = found?.text ?? (known ? error.message : 'The graph could not be drawn. Reload the page.');
    this.#stopped(text, 'failed', found?.label);
    if (!known) throw error;
  }

  #stopped(text, state, label = 'Try again') {
    const { parts } = this;
    parts.retry.textContent = label;
    parts.load.hidden = false;
    parts.load.dataset.state = state;
    parts.loadText.textContent = text;
    parts.progress.hidden = true;
    parts.cancel.hidden = true;
    parts.retry.hidden = false;
  }
}

/** The way out when a snapshot that the address names in one of `fields` is gone. */
export function lostSnapshot(state, fields) {
  return ({ status }) => (status === 404 && fields.some((name) => state.get(name)) ? {
    text: 'This snapshot is not stored: it has passed its retention, or the link is wrong.',
    label: 'Show the whole range',
    run: () => state.set(Object.fromEntries(fields.map((name) => [name, '']))),
  } : null);
}

/** Let a file be dropped anywhere on the page, or chosen with `input`; calls `take(file)`. */
export function acceptFiles(input, take) {
  const { body } = document;
  const carriesFile = (event) => Array.from(event.dataTransfer?.types ?? []).includes('Files');
  body.addEventListener('dragover', (event) => {
    if (!carriesFile(event)) return;
    event.preventDefault();
    body.classList.add('flame-dropping');
  });
  body.addEventListener('dragleave', (event) => {
    if (!event.relatedTarget) body.classList.remove('flame-dropping');
  });
  body.addEventListener('drop', (event) => {
    if (!carriesFile(event)) return;
    event.preventDefault();
    body.classList.remove('flame-dropping');
    take(event.dataTransfer.files[0]);
  });
  input?.addEventListener('change', () => {
    if (input.files[0]) take(input.files[0]);
    input.value = '';
  });
}

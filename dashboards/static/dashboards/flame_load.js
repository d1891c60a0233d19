/** Fetching with progress and cancel; every failure becomes a sentence that says what to do. */

/** `message` is for the reader, `code` for programs; `cancelled` when the reader stopped it. */
export class LoadError extends Error {
  constructor(message, { code = '', status = 0, cancelled = false } = {}) {
    super(message);
    Object.assign(this, { code, status, cancelled });
  }
}

const ADVICE = {
  0: 'The server cannot be reached. Check the connection, then try again.',
  401: 'You are signed out. Sign in again; this address brings you back here.',
  403: 'You may not see this. Ask an admin of the project.',
  404: 'Nothing is stored there. Choose another range or snapshot.',
  413: 'That is more than the server reads at once. Choose a shorter range or a smaller file.',
  429: 'Too many questions at once. Wait a few seconds, then try again.',
  503: 'The server is busy. Try again in a moment.',
};

async function failure(response) {
  let error = {};
  try {
    error = (await response.json()).error ?? {};
  } catch {
    // Not every failure comes from the application; a proxy answers in its own words.
  }
  const own = response.status === 401 ? ADVICE[401] : error.message; // the API's words for 401 are for programs
  const message = own || ADVICE[response.status] || `The server failed (${response.status}). Try again; if it stays, look at its log.`;
  return new LoadError(message, { code: error.code ?? '', status: response.status });
}

async function request(url, options) {
  let response;
  try {
    response = await fetch(url, { credentials: 'same-origin', ...options });
  } catch (error) {
    if (error.name === 'AbortError') throw new LoadError('Cancelled.', { cancelled: true });
    throw new LoadError(ADVICE[0]);
  }
  if (!response.ok) throw await failure(response);
  if (response.redirected && new URL(response.url).pathname.includes('/login')) throw new LoadError(ADVICE[401], { status: 401 });
  return response;
}

/** JSON from the API. */
export async function fetchJson(url, { signal } = {}) {
  const response = await request(url, { signal, headers: { Accept: 'application/json' } });
  return readBody(() => response.json());
}

/** Bytes from the API; `onProgress(received bytes)` is called while they arrive. */
export async function fetchBytes(url, { signal, onProgress, ...options } = {}) {
  const response = await request(url, { signal, ...options });
  return readBody(async () => {
    if (!onProgress || !response.body) return response.arrayBuffer();
    const chunks = [];
    let received = 0;
    for (const reader = response.body.getReader(); ;) {
      const { done, value } = await reader.read();
      if (done) break;
      chunks.push(value);
      received += value.length;
      onProgress(received);
    }
    return new Blob(chunks).arrayBuffer();
  });
}

async function readBody(read) {
  try {
    return await read();
  } catch (error) {
    if (error.name === 'AbortError') throw new LoadError('Cancelled.', { cancelled: true });
    throw new LoadError('The answer broke off. Try again.');
  }
}

/** The token Django wants with a POST. */
export function csrfToken() {
  const field = document.querySelector('input[name=csrfmiddlewaretoken]');
  if (field) return field.value;
  return /(?:^|;\s*)csrftoken=([^;]+)/.exec(document.cookie)?.[1] ?? '';
}

/** One load at a time: starting another cancels the one before. */
export class Loader {
  constructor() { this.controller = null; }

  get busy() { return this.controller !== null; }

  cancel() {
    this.controller?.abort();
    this.controller = null;
  }

  /** Run `work(signal)`; resolves to its value, or to undefined when a later load replaced it. */
  async run(work) {
    this.cancel();
    const controller = new AbortController();
    this.controller = controller;
    try {
      const value = await work(controller.signal);
      return this.controller === controller ? value : undefined;
    } catch (error) {
      if (this.controller !== controller && error.cancelled) return undefined;
      throw error;
    } finally {
      if (this.controller === controller) this.controller = null;
    }
  }
}

// A small shop in Node that answers its own requests and keeps some of what it makes. Prints V8's own sampling heap
// profiles, one JSON document a line: node benchmarks/node_heap.js COUNT MILLISECONDS_BETWEEN
'use strict';
const http = require('node:http');
const zlib = require('node:zlib');
const crypto = require('node:crypto');
const { Session } = require('node:inspector');
const { EventEmitter } = require('node:events');

const SAMPLING_BYTES = 16384;
const [count, pause] = process.argv.slice(2).map(Number);
const session = new Session();
session.connect();
session.post('HeapProfiler.startSampling', { samplingInterval: SAMPLING_BYTES });

class Cache {
  constructor(most) { this.most = most; this.kept = new Map(); }
  get(key, make) {
    if (!this.kept.has(key)) this.kept.set(key, make(key));
    if (this.kept.size > this.most) this.kept.delete(this.kept.keys().next().value);
    return this.kept.get(key);
  }
}
const pages = new Cache(400), prices = new Cache(2000), sessions = new Cache(1500), leaked = [];
const bus = new EventEmitter();
const parts = ['header', 'menu', 'list', 'item', 'price', 'stock', 'review', 'offer', 'basket', 'footer'];
const renderers = Object.fromEntries(parts.map((part, place) => [part, new Function('inner', 'n',
  `return function ${part}(inner, n) { const lines = [];
     for (let i = 0; i < 3 + ${place}; i++) lines.push({ at: i, html: '<${part} id="' + n + i + '">' + inner(n + i) + '</${part}>' });
     return lines.map((line) => line.html).join('\\n'); }(inner, n)`)]));
const price = (n) => prices.get(`p${n % 3000}`, (key) => ({ key, cents: n * 7, history: Array.from({ length: 12 }, (_, i) => n + i) }));
const render = (depth, n) => renderers[parts[(depth + n) % parts.length]]((m) => (depth > 2 ? String(price(m).cents) : renderers[parts[(depth + 1) % parts.length]]((k) => JSON.stringify(price(k)), m)), n);
bus.on('order', (order) => { if (order.id % 3 === 0) leaked.push({ order, trace: crypto.randomBytes(64).toString('hex') }); });
bus.on('order', (order) => sessions.get(`s${order.id % 2500}`, (key) => ({ key, seen: new Date(), order: { ...order } })));

const server = http.createServer((request, response) => {
  const url = new URL(request.url, 'http://shop');
  const n = Number(url.searchParams.get('n'));
  if (url.pathname === '/order') { bus.emit('order', { id: n, lines: Array.from({ length: n % 9 }, (_, i) => price(n + i)) }); }
  const body = pages.get(`${url.pathname}${n % 600}`, () => render(n % 4, n));
  zlib.gzip(body, (_, packed) => { response.setHeader('Content-Encoding', 'gzip'); response.end(packed); });
});

const ask = (port, path) => new Promise((done) => http.get({ port, path, agent }, (answer) => {
  const pieces = [];
  answer.on('data', (piece) => pieces.push(piece));
  answer.on('end', () => zlib.gunzip(Buffer.concat(pieces), () => done()));
}));
const agent = new http.Agent({ keepAlive: true, maxSockets: 8 });

server.listen(0, '127.0.0.1', async () => {
  const { port } = server.address();
  let n = 0;
  for (let taken = 0; taken < count; taken++) {
    const until = Date.now() + pause;
    while (Date.now() < until) {
      await Promise.all(['/', '/order', '/search', '/order'].map((path) => ask(port, `${path}?n=${n++}`)));
    }
    session.post('HeapProfiler.getSamplingProfile', (_, { profile }) => process.stdout.write(JSON.stringify(profile) + '\n'));
  }
  process.exit(0);
});

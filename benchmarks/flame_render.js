/** Drives one renderer in the page: paint, zoom, search and hover, each until its frame has been produced. */

const REPEATS = 5;
const QUERIES = ['method12', 'type9', 'pkg1', 'sub4', 'nothing-like-it'];
const host = document.getElementById('host');

/** Resolves when the next frame has been produced. */
const frame = () => new Promise((resolve) => {
  requestAnimationFrame(() => {
    const channel = new MessageChannel();
    channel.port1.onmessage = () => resolve();
    channel.port2.postMessage(0);
  });
});

const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];

async function timed(run) {
  const start = performance.now();
  await run();
  await frame();
  return performance.now() - start;
}

async function repeated(run) {
  const times = [];
  for (let k = 0; k < REPEATS; k += 1) times.push(await timed(() => run(k)));
  return median(times);
}

/* Each renderer: load its data, paint it, then return how it is zoomed, searched and pointed at. */

async function plimsoll(source) {
  const { decodeFlame } = await import('/static/flame_model.js');
  const { FlameView } = await import('/static/flame_view.js');
  const buffer = await (await fetch(source)).arrayBuffer();
  let view;
  const paint = () => {
    view = new FlameView(host);
    view.setData(decodeFlame(buffer));
    window.keep = view;
  };
  const rest = async () => {
    const { data } = view;
    const wide = Array.from({ length: data.nodes - 1 }, (_, k) => k + 1).sort((a, b) => data.width[b] - data.width[a]);
    const zoom = await repeated((k) => view.zoom(k % 2 ? 0 : wide[3 * k + 2]));
    view.zoom(0);
    const search = await repeated((k) => view.search(QUERIES[k]));
    view.search('');
    const box = view.scroller.getBoundingClientRect();
    const hover = await repeated((k) => view.scroller.dispatchEvent(new PointerEvent('pointermove', {
      clientX: box.left + 200 + 130 * k, clientY: box.top + 30 + 20 * k,
    })));
    return { zoom, search, hover };
  };
  return { paint, rest };
}

async function d3FlameGraph(source, diff) {
  const root = await (await fetch(source)).json();
  let chart;
  const paint = () => {
    chart = window.flamegraph().width(1400).cellHeight(20).transitionDuration(0).minFrameSize(1).selfValue(false).inverted(true);
    if (diff) chart.differential?.(true);
    window.d3.select(host).datum(root).call(chart);
    window.keep = chart;
  };
  const groups = () => Array.from(host.querySelectorAll('g.frame'))
    .sort((a, b) => Number(b.getAttribute('width')) - Number(a.getAttribute('width'))).slice(0, 40);
  const rest = async () => {
    const zoom = await repeated((k) => {
      const shown = groups();
      const target = k % 2 ? shown[0] : shown[Math.min(3 * k + 2, shown.length - 1)];
      target.dispatchEvent(new MouseEvent('click', { bubbles: true }));
    });
    chart.resetZoom();
    await frame();
    const search = await repeated((k) => chart.search(QUERIES[k]));
    chart.clear();
    const shown = groups();
    const hover = await repeated((k) => shown[(7 * k) % shown.length].dispatchEvent(new MouseEvent('mouseover', { bubbles: true })));
    return { zoom, search, hover };
  };
  return { paint, rest };
}

async function plotlyIcicle(source) {
  const columns = await (await fetch(source)).json();
  const layout = { width: 1400, height: 800, margin: { l: 0, r: 0, t: 0, b: 0 }, uniformtext: { mode: 'hide', minsize: 8 } };
  const trace = { type: 'icicle', ...columns, branchvalues: 'total', tiling: { orientation: 'v', flip: '' }, maxdepth: 60, sort: false };
  const paint = () => window.Plotly.newPlot(host, [trace], layout, { displayModeBar: false });
  const rest = async () => {
    const wide = columns.values.map((value, i) => [value, i]).sort((a, b) => b[0] - a[0]).slice(1, 30);
    const zoom = await timed(() => window.Plotly.restyle(host, { level: columns.ids[wide[2][1]] }, [0]));
    await window.Plotly.restyle(host, { level: '' }, [0]);
    await frame();
    const colours = columns.labels.map((label) => (label.toLowerCase().includes(QUERIES[0]) ? '#c0c' : '#ccc'));
    const search = await timed(() => window.Plotly.restyle(host, { 'marker.colors': [colours] }, [0]));
    const slices = host.querySelectorAll('g.slice');
    const hover = await timed(() => slices[Math.min(3, slices.length - 1)].dispatchEvent(new MouseEvent('mouseover', { bubbles: true })));
    return { zoom, search, hover };
  };
  return { paint, rest };
}

let prepared;

window.benchmark = {
  async load(renderer, source, diff) {
    prepared = await ({ plimsoll, 'd3-flame-graph': d3FlameGraph, 'plotly icicle': plotlyIcicle }[renderer])(source, diff);
    await frame();
  },
  paint: () => timed(() => prepared.paint()),
  rest: () => prepared.rest(),
};

/** The graph as a picture: the whole zoomed tree, not only what is scrolled into view. */

import { describe } from './flame_describe.js';
import { ROW_HEIGHT, Scene, layOut } from './flame_layout.js';
import { FONT, TEXT_PADDING, characterWidth, fitText, paint } from './flame_paint.js';

const MAX_PICTURE_HEIGHT = 16_000;
const PNG_RATIO = 2;
const TEXT_DROP = 14;

function wholeScene(view) {
  const { data, width, root, upward, buckets } = view;
  const height = Math.min(MAX_PICTURE_HEIGHT, data.depth * ROW_HEIGHT);
  const scene = layOut(data, { width, top: 0, bottom: height, root, upward, buckets }, new Scene());
  return { scene, width, height };
}

const escapeText = (text) => text.replace(/[&<>"']/g, (found) => `&#${found.charCodeAt(0)};`);

/** The graph as SVG text, every frame with its description. */
export function toSvg(view) {
  const { data, palette, character } = view;
  const { scene, width, height } = wholeScene(view);
  const colours = data.isDiff ? palette.diff : palette.packages;
  const out = [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img">`,
    `<title>${escapeText(describe(data, view.root))}</title>`,
    `<rect width="100%" height="100%" fill="${palette.background}"/>`,
    `<g font-family="monospace" font-size="12">`,
  ];
  for (let k = 0; k < scene.count; k += 1) {
    const i = scene.node[k];
    const hit = data.hit !== null && !scene.merged[k] && data.hit[data.name[i]];
    const fill = hit ? palette.hit : colours.fill[scene.bucket[k]];
    const ink = hit ? palette.hitInk : colours.ink[scene.bucket[k]];
    const text = scene.merged[k] ? '' : fitText(data.label(i), scene.width[k], character);
    const x = scene.x[k].toFixed(1);
    const title = scene.merged[k] ? '' : `<title>${escapeText(describe(data, i))}</title>`;
    out.push(`<g>${title}<rect x="${x}" y="${scene.y[k]}" width="${scene.width[k].toFixed(1)}" height="${ROW_HEIGHT - 1}" fill="${fill}"/>`);
    if (text) out.push(`<text x="${(scene.x[k] + TEXT_PADDING).toFixed(1)}" y="${scene.y[k] + TEXT_DROP}" fill="${ink}">${escapeText(text)}</text>`);
    out.push('</g>');
  }
  out.push('</g></svg>');
  return out.join('');
}

/** The graph as a PNG blob at twice the screen's resolution. */
export function toPng(view) {
  const { scene, width, height } = wholeScene(view);
  const canvas = document.createElement('canvas');
  canvas.width = width * PNG_RATIO;
  canvas.height = height * PNG_RATIO;
  const context = canvas.getContext('2d', { alpha: false });
  context.font = FONT;
  paint(context, view.data, scene, {
    palette: view.palette, ratio: PNG_RATIO, width, height, top: 0,
    character: characterWidth(context), diff: view.data.isDiff, focusLevel: view.data.level[view.root],
  });
  return new Promise((resolve, reject) => {
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error('The picture is too large for this browser.'))), 'image/png');
  });
}

/** Stacks as folded text, one line per stack with an own value. */
export function toFolded(data) {
  const flat = data.flat('current');
  const lines = [];
  for (let i = 1; i < data.nodes; i += 1) {
    if (flat[i]) lines.push(`${data.path(i).slice(1).map((j) => data.label(j).replaceAll(';', ':')).join(';')} ${flat[i]}`);
  }
  return `${lines.join('\n')}\n`;
}

/** Offer a blob or a text as a file. */
export function download(content, fileName, type) {
  const blob = content instanceof Blob ? content : new Blob([content], { type });
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = fileName;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

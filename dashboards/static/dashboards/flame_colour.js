/** Colours: hues by package, a blue–orange scale for change, and the text colour that can be read on each. */

import { hashText } from './flame_model.js';

export const PACKAGE_HUES = 18;
export const DIFF_STEPS = 17;
const MIDDLE = (DIFF_STEPS - 1) / 2;
const UNKNOWN = 255;
const SUMMARIES = new Set(['total', 'other']);

const GO_PACKAGE = /^((?:[^/\s]+\/)*[^/.\s(]+)\.(?=[^/]*$)/;
const SITE_PACKAGES = /(?:site|dist)-packages[\\/]([^\\/]+)/;
const NODE_MODULES = /node_modules\/((?:@[^/]+\/)?[^/]+)/;
const STANDARD_PYTHON = /[\\/]lib[\\/]python\d/;

/** The package a frame belongs to, and whether it is the language's own. */
export function packageOf(name, file) {
  const installed = SITE_PACKAGES.exec(file) ?? NODE_MODULES.exec(file);
  if (installed) return { name: installed[1], own: false };
  if (STANDARD_PYTHON.test(file) || file.startsWith('<frozen')) return { name: 'Python', own: true };
  if (file.startsWith('node:')) return { name: 'node', own: true };
  const go = /\.(go|s)$/.test(file) || !file ? GO_PACKAGE.exec(name) : null;
  if (go) {
    const path = go[1];
    const first = path.split('/', 1)[0];
    return { name: path, own: first !== 'main' && !first.includes('.') && /\/(src|go[\d.]*)\//.test(file) };
  }
  const folder = file.slice(0, Math.max(0, Math.max(file.lastIndexOf('/'), file.lastIndexOf('\\'))));
  return { name: folder.split(/[\\/]/).slice(-2).join('/') || file || name, own: false };
}

/** Palette index per name, found when first asked for: 0 = the language's own, 1 … PACKAGE_HUES = packages. */
export class PackageBuckets {
  constructor(data) {
    this.data = data;
    this.known = new Uint8Array(data.names.length).fill(UNKNOWN);
    this.packages = new Map();
  }

  /** The package of a name: { name, own }, found once. */
  packageAt(nameId) {
    let found = this.packages.get(nameId);
    if (!found) {
      const { names, files, fileOf } = this.data;
      found = packageOf(names[nameId], files[fileOf[nameId]] ?? '');
      this.packages.set(nameId, found);
    }
    return found;
  }

  of(nameId) {
    const found = this.known[nameId];
    if (found !== UNKNOWN) return found;
    const { names, files, fileOf } = this.data;
    const file = files[fileOf[nameId]] ?? '';
    const { name, own } = this.packageAt(nameId);
    const bucket = own || (!file && SUMMARIES.has(names[nameId])) ? 0 : 1 + ((hashText(name) >>> 0) % PACKAGE_HUES);
    this.known[nameId] = bucket;
    return bucket;
  }
}

/** Step of the diff scale for a change: square root, so that small changes can still be seen. */
export function diffBucket(delta, largestDelta) {
  if (!largestDelta || !delta) return MIDDLE;
  return MIDDLE + Math.round(MIDDLE * Math.sign(delta) * Math.sqrt(Math.min(1, Math.abs(delta) / largestDelta)));
}

/** The change at which a step of the scale begins to be used, for the legend. */
export function bucketDelta(bucket, largestDelta) {
  const share = (bucket - MIDDLE) / MIDDLE;
  return Math.sign(share) * share * share * largestDelta;
}

const THEMES = {
  light: {
    background: '#ffffff', ink: '#14181d', hit: [262, 70, 42], rest: '#c3c8cf', ring: '#0b57d0', hover: '#14181d',
    own: [220, 8, 84], package: [58, 80], zero: [40, 10, 93], grow: [[36, 78, 84], [25, 92, 57]],
    shrink: [[208, 60, 86], [211, 72, 60]], mutedAlpha: 0.38,
  },
  dark: {
    background: '#15181d', ink: '#f2f4f7', hit: [268, 90, 76], rest: '#4a515c', ring: '#ffd33d', hover: '#ffffff',
    own: [220, 7, 31], package: [36, 36], zero: [220, 6, 30], grow: [[32, 34, 34], [27, 88, 56]],
    shrink: [[209, 32, 36], [208, 80, 62]], mutedAlpha: 0.38,
  },
};

const css = ([hue, saturation, lightness]) => `hsl(${hue.toFixed(1)} ${saturation.toFixed(1)}% ${lightness.toFixed(1)}%)`;

/** Relative luminance of an HSL colour (WCAG 2.2). */
export function luminance([hue, saturation, lightness]) {
  const s = saturation / 100;
  const l = lightness / 100;
  const channel = (n) => {
    const k = (n + hue / 30) % 12;
    const value = l - s * Math.min(l, 1 - l) * Math.max(-1, Math.min(k - 3, 9 - k, 1));
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  };
  return 0.2126 * channel(0) + 0.7152 * channel(8) + 0.0722 * channel(4);
}

const readable = (colour) => (luminance(colour) > 0.2 ? '#14181d' : '#ffffff');

function between([from, to], share) {
  return from.map((value, k) => value + (to[k] - value) * share);
}

function diffColour(theme, step) {
  if (step === MIDDLE) return theme.zero;
  const share = (Math.abs(step - MIDDLE) - 1) / (MIDDLE - 1);
  return between(step > MIDDLE ? theme.grow : theme.shrink, share);
}

/** All colours of one theme: { fill, ink } per package bucket and per diff step, and the few single ones. */
export function makePalette(dark) {
  const theme = dark ? THEMES.dark : THEMES.light;
  const packages = [theme.own];
  for (let k = 0; k < PACKAGE_HUES; k += 1) packages.push([(k * 360) / PACKAGE_HUES + 8, ...theme.package]);
  const steps = Array.from({ length: DIFF_STEPS }, (_, step) => diffColour(theme, step));
  const both = (colours) => ({ fill: colours.map(css), ink: colours.map(readable) });
  return {
    packages: both(packages), diff: both(steps),
    hit: css(theme.hit), hitInk: readable(theme.hit), rest: theme.rest, ink: theme.ink,
    background: theme.background, ring: theme.ring, hover: theme.hover, mutedAlpha: theme.mutedAlpha,
  };
}

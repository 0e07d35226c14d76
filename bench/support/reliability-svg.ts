import { expectedCalibrationError, type JudgedWord, reliabilityBins } from './calibration-error.ts';

/** One curve of the drawing. */
export interface ReliabilityCurve {
  readonly name: string;
  readonly words: readonly JudgedWord[];
}

const SIZE = 320;
const LEFT = 44;
const TOP = 20;
/** Bins of fewer words say nothing. */
const LEAST_WORDS = 20;
/** Readable on white and on black. */
const COLOURS = ['#3b82f6', '#f97316', '#22a55b'];

/** Confidence against the share of words that are right, for one or more models; the dashes are perfect calibration. */
export function reliabilitySvg(title: string, curves: readonly ReliabilityCurve[]): string {
  const x = (value: number) => (LEFT + value * SIZE).toFixed(1);
  const y = (value: number) => (TOP + (1 - value) * SIZE).toFixed(1);
  const ticks = [0, 0.2, 0.4, 0.6, 0.8, 1];
  const lines = curves.map(({ name, words }, index) => {
    const colour = COLOURS[index % COLOURS.length]!;
    const bins = reliabilityBins(words).filter((bin) => bin.count >= LEAST_WORDS);
    const points = bins.map((bin) => `${x(bin.confidence)},${y(bin.right)}`);
    const dots = bins.map((bin) => {
      const radius = 1.5 + Math.log10(bin.count);
      return `<circle cx="${x(bin.confidence)}" cy="${y(bin.right)}" r="${radius.toFixed(1)}" fill="${colour}"/>`;
    });
    const error = (100 * expectedCalibrationError(words)).toFixed(1);
    const label = `<text x="${LEFT + 10}" y="${TOP + 16 + 16 * index}" fill="${colour}">${name}: ${error} % off, ${words.length} words</text>`;
    return `<polyline points="${points.join(' ')}" fill="none" stroke="${colour}" stroke-width="1.5"/>${dots.join('')}${label}`;
  });
  const marks = ticks.map(
    (tick) =>
      `<path d="M${x(tick)} ${y(0)}v4M${x(0)} ${y(tick)}h-4" stroke="#808080"/>` +
      `<text x="${x(tick)}" y="${TOP + SIZE + 18}" text-anchor="middle">${tick}</text>` +
      `<text x="${LEFT - 8}" y="${Number(y(tick)) + 4}" text-anchor="end">${tick}</text>`,
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${LEFT + SIZE + 20} ${TOP + SIZE + 44}" font-family="sans-serif" font-size="11" fill="#808080">
<title>${title}</title>
<rect x="${LEFT}" y="${TOP}" width="${SIZE}" height="${SIZE}" fill="none" stroke="#808080"/>
<path d="M${x(0)} ${y(0)}L${x(1)} ${y(1)}" stroke="#808080" stroke-dasharray="4 4"/>
${marks.join('\n')}
${lines.join('\n')}
<text x="${LEFT + SIZE / 2}" y="${TOP + SIZE + 36}" text-anchor="middle">confidence</text>
<text x="12" y="${TOP + SIZE / 2}" text-anchor="middle" transform="rotate(-90 12 ${TOP + SIZE / 2})">share of words that are right</text>
</svg>
`;
}

// Bars, as an SVG that can be read on light and dark pages.

const WIDTH = 760;
const LABELS = 290;
const FIGURES = 90;
const BAR = 18;
const LINE = 26;

const escaped = (text) => text.replace(/&/g, '&amp;').replace(/</g, '&lt;');

/**
 * @param {{ title: string, results: { name: string, requestsPerSecond: { median: number, min: number, max: number } }[] }[]} parts
 * @param {Set<string>} own the names of bars that stand out
 */
export function chart(parts, own) {
  const longest = Math.max(...parts.flatMap(({ results }) => results.map((one) => one.requestsPerSecond.median)));
  const scale = (WIDTH - LABELS - FIGURES) / longest;
  let y = 8;
  const drawn = parts.flatMap(({ title, results }) => {
    y += LINE;
    const heading = `<text class="title" x="8" y="${y}">${escaped(title)}</text>`;
    const bars = results.map(({ name, requestsPerSecond: { median } }) => {
      y += LINE;
      const width = Math.max(1, median * scale).toFixed(1);
      return [
        `<text x="${LABELS - 8}" y="${y}" text-anchor="end">${escaped(name)}</text>`,
        `<rect class="${own.has(name) ? 'own' : 'other'}" x="${LABELS}" y="${y - BAR + 5}" width="${width}" height="${BAR}" rx="2"/>`,
        `<text x="${(LABELS + Number(width) + 8).toFixed(1)}" y="${y}">${Math.round(median).toLocaleString('en')}</text>`,
      ].join('\n');
    });
    y += LINE / 2;
    return [heading, ...bars];
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${y + 8}" viewBox="0 0 ${WIDTH} ${y + 8}" role="img">
<title>Requests a second</title>
<style>
text { font: 13px system-ui, sans-serif; fill: #1f2328 }
.title { font-weight: 600 }
.own { fill: #1a7f37 }
.other { fill: #8c959f }
@media (prefers-color-scheme: dark) { text { fill: #e6edf3 } .own { fill: #3fb950 } .other { fill: #6e7681 } }
</style>
${drawn.join('\n')}
</svg>
`;
}

/** The CPU time of all processes for a request, as far as it is known. */
export function totalCpu({ cpuMicroseconds }) {
  const all = Object.values(cpuMicroseconds);
  return all.length === 0 ? undefined : all.reduce((sum, { median }) => sum + median, 0);
}

const count = (value) => Math.round(value).toLocaleString('en');
const cpuOf = (result) => totalCpu(result)?.toFixed(1) ?? '';
const milliseconds = (value) => (value < 10 ? value.toFixed(2) : value.toFixed(0));

/** The columns of each kind of part. */
const COLUMNS = {
  throughput: ({ results: [first] }) => [
    ['requests/s', ({ requestsPerSecond }) => count(requestsPerSecond.median)],
    ['lowest to highest', ({ requestsPerSecond: { min, max } }) => `${count(min)} to ${count(max)}`],
    ['CPU µs for each', cpuOf],
    [`against ${first.name}`, ({ ratio }) => `${ratio.toFixed(2)} x`],
  ],
  latency: () => [
    ['requests/s', ({ requestsPerSecond }) => count(requestsPerSecond.median)],
    ['median ms', ({ latency }) => milliseconds(latency.p50)],
    ['99 %', ({ latency }) => milliseconds(latency.p99)],
    ['99.9 %', ({ latency }) => milliseconds(latency.p999)],
    ['longest', ({ latency }) => milliseconds(latency.max)],
  ],
};

/** A part as rows of cells, the first of them the heading. */
function rows(part) {
  const columns = COLUMNS[part.kind](part);
  return [
    [part.title, ...columns.map(([heading]) => heading)],
    ...part.results.map((result) => [result.name, ...columns.map(([, cell]) => cell(result))]),
  ];
}

export function asText(part) {
  if (part.kind === 'output') return `${part.title}\n${part.output}`;
  const table = rows(part);
  const widths = table[0].map((_, column) => Math.max(...table.map((row) => row[column].length)));
  const line = (row) =>
    row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0]) : cell.padStart(widths[column]))).join('  ');
  const notes = part.results.flatMap(({ name, notes = [] }) => notes.map((note) => `  ${name}: ${note}`));
  return [...table.map(line), ...notes].join('\n');
}

export function asMarkdown(part) {
  const [heading, ...others] = rows(part);
  const line = (row) => `| ${row.join(' | ')} |`;
  return [line(heading), line(heading.map((_, column) => (column === 0 ? '---' : '---:'))), ...others.map(line)].join(
    '\n',
  );
}

/** What the figures depend on, in a sentence. */
export function conditions({ date, machine, rounds, seconds }) {
  const { cpu, cores, loadAtTheStart, node, nginx, memcached, varnish } = machine;
  const programs = Object.entries({ nginx, memcached, Varnish: varnish, Node: node })
    .filter(([, version]) => version !== undefined)
    .map(([name, version]) => `${name} ${version}`);
  return (
    `${date.slice(0, 10)}, ${cores} cores (${cpu}), load ${loadAtTheStart.toFixed(1)} at the start, ${programs.join(', ')}; ` +
    `medians of ${rounds} rounds of ${seconds} s each, in turns, 32 connections, one worker of nginx.`
  );
}

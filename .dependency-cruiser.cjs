/**
 * The layers of lib/, from top to bottom. A folder imports only from itself and from layers below it, types included.
 * docs/architecture.md says what is in each.
 */
const LAYERS = [
  ['index.ts', 'cli', 'terminus', 'testing', 'typeorm'],
  ['dashboard'],
  ['operations'],
  ['decorators'],
  ['module'],
  ['configuration'],
  ['nginx'],
  ['publishing'],
  ['metrics'],
  ['caching'],
  ['fragments'],
  ['purging'],
  ['policies'],
  ['events'],
  ['inputs'],
  ['options'],
  ['stores/files', 'stores/keyv', 'stores/memcached', 'stores/memory'],
  ['stores'],
  ['stores/journal'],
  ['page'],
  ['rules'],
  ['http', 'async', 'checks', 'reasons'],
];

const folders = LAYERS.flat();

/** `stores/` holds folders that are layers of their own: it stands for its files alone. */
function inFolder(name) {
  if (name.endsWith('.ts')) return `^lib/${name}$`;
  return folders.some((other) => other.startsWith(`${name}/`)) ? `^lib/${name}/[^/]+$` : `^lib/${name}/`;
}

const directions = folders.map((name) => {
  const below = LAYERS.slice(LAYERS.findIndex((layer) => layer.includes(name)) + 1).flat();
  return {
    name: `${name} imports only from below`,
    severity: 'error',
    from: { path: inFolder(name) },
    to: { path: '^lib/', pathNot: [name, ...below].map(inFolder) },
  };
});

module.exports = {
  forbidden: [
    { name: 'no circle', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'every folder is in a layer',
      severity: 'error',
      from: { path: '^lib/', pathNot: folders.map(inFolder) },
      to: {},
    },
    ...directions,
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
    includeOnly: '^lib/',
  },
};

import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/**
 * The specs of these folders share processes, which start the modules of Nest and of the library once. So none of them replaces a module, a clock or a
 * global, or leaves anything behind: such a spec belongs to `all`.
 */
const SHARING = ['checks', 'configuration', 'docs', 'http', 'page', 'policies', 'reasons', 'rules'].map(
  (folder) => `test/${folder}/**/*.spec.ts`,
);

/** Each of them takes long on two cores. They come first, so that no core waits for one of them at the end. */
const LONG = [
  'bench/bench',
  'caching/leaks',
  'caching/render-turns',
  'fragments/filled-in-by-nginx',
  'nginx/flavour-conformance',
  'nginx/injection',
  'nginx/outdated-sides',
  'nginx/rules-agree',
  'nginx/stale-if-error',
  'page/same-key',
  'privacy/flood',
  'privacy/three-visitors',
  'publishing/refresh-ahead',
  'purging/concurrency',
  'purging/rolling-deploy',
  'purging/tags',
  'sample/start',
  'stores/files/crash',
  'typeorm/faults/postgres',
  'typeorm/faults/random',
];

/** A process goes on with the next file only if that shares it, too: those that share come together, last, since they are short. */
class LongOnesFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId, project }: TestSpecification) => {
      if (LONG.some((name) => moduleId.endsWith(`test/${name}.spec.ts`))) return 0;
      return project.config.isolate ? 1 : 2;
    };
    return (await super.sort(files)).toSorted((one, other) => rank(one) - rank(other));
  }
}

export default defineConfig({
  // The sample imports the library by its name; its tests run against the sources.
  resolve: {
    alias: [
      { find: /^nestjs-nginx-cache$/, replacement: `${import.meta.dirname}/lib/index.ts` },
      { find: /^nestjs-nginx-cache\/typeorm$/, replacement: `${import.meta.dirname}/lib/typeorm/index.ts` },
    ],
  },
  test: {
    // On a busy machine everything takes longer.
    testTimeout: 180_000,
    hookTimeout: 180_000,
    // Nothing is tried again: what the tests prove must also hold while the machine is busy.
    retry: 0,
    expect: { poll: { timeout: 10_000 } },
    // Of all that is random in this run: files that share a process have the same.
    env: { SEED: process.env['SEED'] ?? String(Date.now() % 2 ** 31) },
    // Each file starts servers of its own; two cores.
    sequence: { sequencer: LongOnesFirst },
    pool: 'forks',
    maxWorkers: 2,
    projects: [
      { extends: true, test: { name: 'all', include: ['test/**/*.spec.ts'], exclude: SHARING } },
      { extends: true, test: { name: 'sharing', include: SHARING, isolate: false } },
      ...['0.3.31', '0.3.20'].map((version) => ({
        extends: true as const,
        test: {
          name: `TypeORM ${version}`,
          include: ['test/typeorm/**/*.spec.ts'],
          // What takes longest, and depends least on the version.
          exclude: ['test/typeorm/at-exit.spec.ts', 'test/typeorm/faults/{random,full-disk}.spec.ts'],
          setupFiles: ['test/typeorm/support/typeorm-version.ts'],
          env: { TYPEORM_PACKAGE: `typeorm-${version}` },
        },
      })),
    ],
  },
});

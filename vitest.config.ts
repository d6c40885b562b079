import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Each of them takes long on two cores. They come first, so that no core waits for one of them at the end. */
const LONG = [
  'nginx/injection',
  'nginx/outdated-sides',
  'nginx/rules-agree',
  'page/same-key',
  'privacy/flood',
  'privacy/three-visitors',
  'purging/concurrency',
  'purging/rolling-deploy',
  'purging/tags',
  'sample/start',
  'stores/files/crash',
  'typeorm/faults/postgres',
  'typeorm/faults/random',
];

class LongOnesFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const isLong = ({ moduleId }: TestSpecification) => LONG.some((name) => moduleId.endsWith(`test/${name}.spec.ts`));
    const sorted = await super.sort(files);
    return [...sorted.filter(isLong), ...sorted.filter((file) => !isLong(file))];
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
    // Each file starts servers of its own; two cores.
    sequence: { sequencer: LongOnesFirst },
    pool: 'forks',
    maxWorkers: 2,
    projects: [
      { extends: true, test: { name: 'all', include: ['test/**/*.spec.ts'] } },
      ...['0.3.31', '0.3.20'].map((version) => ({
        extends: true as const,
        test: {
          name: `TypeORM ${version}`,
          include: ['test/typeorm/**/*.spec.ts'],
          // What takes longest, and depends least on the version.
          exclude: ['test/typeorm/faults/{random,full-disk}.spec.ts'],
          setupFiles: ['test/typeorm/support/typeorm-version.ts'],
          env: { TYPEORM_PACKAGE: `typeorm-${version}` },
        },
      })),
    ],
  },
});

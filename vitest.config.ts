import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** The specs that do not share a process: they replace a module of Node, or load an application that reads the environment. */
const ALONE = specs('sample/*', 'stores/files/{commit,file-journal}', 'testing/find-program');

/** Templates of these write fragments. From then on, every application in the process holds its pages until their end. */
const WITH_FRAGMENTS = specs('fragments/**/*', 'operations/why/{every-reason,faults}', 'shared/visitors-and-fragments');

/** Each of them takes long on two cores. They come first, so that no core waits for one of them at the end. */
const LONG = specs(
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
);

/** A process goes on with the next file only if that is of the same project, so the long files of a project come together, and so do the others. */
class LongOnesFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ moduleId, project }: TestSpecification) =>
      `${LONG.some((file) => moduleId.endsWith(file)) ? 0 : 1} ${project.name}`;
    return (await super.sort(files)).toSorted((one, other) => place(one).localeCompare(place(other)));
  }
}

function specs(...names: string[]): string[] {
  return names.map((name) => `test/${name}.spec.ts`);
}

/** What tests run in processes of their own, which find the packages from there. */
const programs = mkdtempSync(join(tmpdir(), 'programs-'));
symlinkSync(join(import.meta.dirname, 'node_modules'), join(programs, 'node_modules'));
process.once('exit', () => rmSync(programs, { recursive: true, force: true, maxRetries: 3 }));

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
    testTimeout: 600_000,
    hookTimeout: 600_000,
    // Nothing is tried again: what the tests prove must also hold while the machine is busy.
    retry: 0,
    expect: { poll: { timeout: 60_000 } },
    // The seed of all that is random in this run: files that share a process have the same.
    env: { SEED: process.env['SEED'] ?? String(Date.now() % 2 ** 31), PROGRAMS: programs },
    sequence: { sequencer: LongOnesFirst },
    pool: 'forks',
    // With a larger young generation, most objects of a request die before they are copied.
    execArgv: ['--max-semi-space-size=32'],
    // For two cores: many specs wait for servers.
    maxWorkers: 3,
    projects: [
      {
        extends: true,
        test: {
          name: 'all',
          isolate: false,
          include: ['test/**/*.spec.ts'],
          exclude: [...ALONE, ...WITH_FRAGMENTS],
          setupFiles: ['test/support/without-fragments.ts'],
        },
      },
      { extends: true, test: { name: 'fragments', include: WITH_FRAGMENTS, isolate: false } },
      { extends: true, test: { name: 'alone', include: ALONE } },
      ...['0.3.31', '0.3.20'].map((version) => ({
        extends: true as const,
        test: {
          name: `TypeORM ${version}`,
          isolate: false,
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

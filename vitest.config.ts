import { defineConfig } from 'vitest/config';

export default defineConfig({
  // The sample imports the library by its name; its tests run against the sources.
  resolve: {
    alias: [
      { find: /^nestjs-nginx-cache$/, replacement: `${import.meta.dirname}/lib/index.ts` },
      { find: /^nestjs-nginx-cache\/typeorm$/, replacement: `${import.meta.dirname}/lib/typeorm/index.ts` },
    ],
  },
  test: {
    include: ['test/**/*.spec.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Nothing is tried again: what the tests prove must also hold while the machine is busy.
    retry: 0,
    expect: { poll: { timeout: 10_000 } },
    // Each file starts servers of its own; two cores.
    pool: 'forks',
    maxWorkers: 2,
    projects: [
      { extends: true, test: { name: 'all' } },
      ...['0.3.31', '0.3.20'].map((version) => ({
        extends: true as const,
        test: {
          name: `TypeORM ${version}`,
          include: ['test/typeorm/**/*.spec.ts'],
          setupFiles: ['test/typeorm/support/typeorm-version.ts'],
          env: { TYPEORM_PACKAGE: `typeorm-${version}` },
        },
      })),
    ],
  },
});

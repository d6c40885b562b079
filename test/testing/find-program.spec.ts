import { expect, it } from 'vitest';
import { findProgram } from '../../lib/testing/find-program.js';

it('finds programs on the PATH', () => {
  expect(findProgram('memcached')).toMatch(/^\/.*\/memcached$/);
});

it('says how to install what is missing', () => {
  expect(() => findProgram('not-memcached' as 'memcached')).toThrow(
    /not-memcached is not installed \(looked in PATH and in .*apt-get install not-memcached \(Debian, Ubuntu\)/,
  );
});

import { afterAll } from 'vitest';
import { areMarkersUsed } from '../../lib/fragments/fragment-marker.js';

const before = areMarkersUsed();

// Otherwise it would depend on the order of the files whether an application holds its pages.
afterAll(() => {
  if (areMarkersUsed() && !before)
    throw new Error('A template has written a fragment. List this file in WITH_FRAGMENTS of vitest.config.ts.');
});

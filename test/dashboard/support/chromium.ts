import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Where Chromium, or Chrome, is; `undefined` when there is none. */
export const chromiumPath = (process.env['PATH'] ?? '')
  .split(delimiter)
  .flatMap((place) => ['chromium', 'chromium-browser', 'google-chrome'].map((name) => join(place, name)))
  .find((file) => existsSync(file));

import { setTimeout as delay } from 'node:timers/promises';
import { Controller, Get, Header } from '@nestjs/common';
import { expect, it } from 'vitest';
import { PageFragment, pageFragment } from '../../lib/index.js';
import { field } from '../page/raw-pool.js';
import { FLAVOURS, startFlavour } from '../support/flavours.js';

const HTML = 'text/html; charset=utf-8';
const LONG = 'x'.repeat(60_000);
/** Longer than nginx waits for memcached, in milliseconds. */
const SLOW = 200;

@Controller()
class SlowController {
  @Get('slow')
  @Header('content-type', HTML)
  page() {
    return `<header>${pageFragment('slow')}</header>${LONG}`;
  }

  @PageFragment('slow')
  @Header('content-type', HTML)
  async slow() {
    await delay(SLOW);
    return '<b>at last</b>';
  }
}

const READING_MEMCACHED = FLAVOURS.filter(({ flavour }) => flavour !== undefined && flavour !== 'files');

it.each(READING_MEMCACHED)(
  'a fragment that takes longer than memcached may does not cut its page off: $name',
  async (flavour) => {
    const options = { fragments: ['/slow'], fragmentTimeout: 60_000 };
    const parts = { controllers: [SlowController], isPatient: false };
    await using site = await startFlavour(flavour, 'express', options, parts);
    await expect
      .poll(async () => {
        const answer = await site.get('/slow').catch(() => undefined);
        return answer && [field(answer, 'cache-status'), answer.body.toString()];
      })
      .toEqual(['nginx; hit', `<header><b>at last</b></header>${LONG}`]);
  },
);

// For test/listeners/: fails with the listener of 04fda32. Hosts that a browser reads otherwise than hostOf().
import { describe, expect, it } from 'vitest';
import { RawClient } from '../../lib/testing/index.js';
import { field } from '../page/raw-pool.js';
import { Answers, AnswersController } from '../rfc/support/answers.controller.js';
import { PLATFORMS, startApplication } from '../support/applications.js';
import { PageLog } from '../support/page-log.js';

describe.each(PLATFORMS)('a redirect to the host that the visitor has named, on %s', (platform) => {
  it.each([
    'evil.example.',
    'EVIL.example.:80',
    'evil.example..',
    'ev%69l.example',
    'user@evil.example',
    'user:password@evil.example',
    '0x7f.1',
    '2130706433',
    '[2001:DB8:0::1]',
    'b\xfccher.example',
    'evil.example/..',
    'evil.example#',
    'evil.example?',
    'evil.example\\',
    'evil\t.example',
  ])('is not stored: %j', async (host) => {
    const parts = { controllers: [AnswersController], providers: [Answers, PageLog] };
    const { app, address } = await startApplication({ platform, ...parts, options: { statuses: [200, 301] } });
    try {
      await using client = new RawClient(Number(address.split(':')[1]));
      const target = app.get(Answers).add((response, request) => {
        response.writeHead(301, { Location: `http://${request.headers.host}/x` }).end();
      });
      await client.send(`GET ${target} HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
      const next = await client.send(`GET ${target} HTTP/1.1\r\nHost: good.example\r\n\r\n`);
      expect(field(next, 'location')).toBe('http://good.example/x');
    } finally {
      await app.close();
    }
  });
});

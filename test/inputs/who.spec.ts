import { Controller, Get, Header, Logger } from '@nestjs/common';
import { it } from 'vitest';
import { startApplication } from '../support/applications.js';
import { answer } from '../support/site.js';
@Controller()
class C {
  @Get('p') @Header('content-type', 'text/html') p() {
    return 'x';
  }
}
it.each(['express', 'fastify'] as const)('%s', async (platform) => {
  const warn = Logger.prototype.warn;
  Logger.prototype.warn = function (...a: unknown[]) {
    console.log(...a);
  };
  const { app, url } = await startApplication({
    platform,
    controllers: [C],
    prepare: (a) => {
      a.use((q: unknown, r: unknown, n: () => void) => n());
    },
  });
  console.log((await answer(url + '/p')).status);
  Logger.prototype.warn = warn;
  await app.close();
});

import { Controller, Get, Header } from '@nestjs/common';
import { describe, expect, it } from 'vitest';
import { PLATFORMS, startApplication } from '../support/applications.js';
import { PageLog } from '../support/page-log.js';

@Controller()
class DownloadsController {
  @Get('file')
  @Header('X-Accel-Redirect', '/protected/file')
  file() {
    return 'the application does not send it';
  }
}

describe.each(PLATFORMS)('X-Accel-Redirect on %s', (platform) => {
  it('is an order for one answer, and no page', async () => {
    const { app, url } = await startApplication({ platform, controllers: [DownloadsController], providers: [PageLog] });
    try {
      const response = await fetch(`${url}/file`);
      expect(response.headers.get('cache-status')).toBe('nestjs-nginx-cache; fwd=miss; detail=x-accel');
      expect(await app.get(PageLog).outcome('/file')).toBe('x-accel');
    } finally {
      await app.close();
    }
  });
});

import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { type AddressInfo, createConnection } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { Controller, Get, type INestApplication, Post, Res } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { describe, expect, it } from 'vitest';
import { keyvStore } from '../../lib/index.js';
import { adapterFor, PLATFORMS, startApplication } from '../support/applications.js';
import { raw } from '../support/raw-response.js';

/** A store that deletes nothing before the test says so. */
class HeldDeletions extends Map<string, unknown> {
  waiting = 0;
  release!: () => void;
  readonly #released = new Promise<void>((resolve) => (this.release = resolve));

  override delete(key: string): never {
    this.waiting += 1;
    return this.#released.then(() => super.delete(key)) as never;
  }
}

/** What a handler does between its `end()` and the next event. */
let afterEnd: (response: ServerResponse) => void;

@Controller()
class AnswerController {
  @Get('other')
  other(@Res() reply: ServerResponse) {
    raw(reply).writeHead(200, { 'Content-Type': 'text/plain' }).end('the other answer');
  }

  @Post('answer')
  answer(@Res() reply: ServerResponse) {
    const response = raw(reply);
    response.end('{"answer":1}');
    afterEnd(response);
  }

  @Post('begun')
  begun(@Res() reply: ServerResponse) {
    const response = raw(reply);
    response.write('{"answer"');
    response.end(':1}');
    afterEnd(response);
  }
}

/** One of many that look first whether anybody has answered. */
function answersUnlessEnded(response: ServerResponse): void {
  if (response.writableEnded) return;
  response.statusCode = 503;
  response.end('too late');
}

function writesUnlessEnded(response: ServerResponse): void {
  if (!response.writableEnded) response.write(' ');
}

/** All bytes of two answers on one connection, with what is different each time left out. */
async function pipelined(app: INestApplication, target: string): Promise<string> {
  const { port } = app.getHttpServer().address() as AddressInfo;
  const socket = createConnection(port, '127.0.0.1');
  const first = `POST ${target} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n`;
  socket.write(`${first}GET /other HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`);
  const bytes = (await buffer(socket)).toString('latin1');
  const without = bytes.replaceAll(/^(?:Date|Cache-Status|ETag|Last-Modified|Age): .*\r\n/gim, '');
  // Node puts a Content-Length of its own last.
  return without.replaceAll(/(HTTP\/1\.1 .*\r\n)([^]*?\r\n)(?=\r\n)/g, (_, status: string, fields: string) => {
    return `${status}${fields
      .split(/(?<=\r\n)/)
      .toSorted()
      .join('')}`;
  });
}

async function withoutTheModule(platform: (typeof PLATFORMS)[number], target: string): Promise<string> {
  const module = await Test.createTestingModule({ controllers: [AnswerController] }).compile();
  const app = module.createNestApplication(adapterFor(platform), { logger: ['error'] });
  await app.listen(0, '127.0.0.1');
  try {
    return await pipelined(app, target);
  } finally {
    await app.close();
  }
}

describe.each(PLATFORMS)('while a purge holds the end of a response, on %s', (platform) => {
  /** @returns the bytes, and how many deletions the end has waited for */
  const held = async (target: string, act: (response: ServerResponse) => void) => {
    const deletions = new HeldDeletions();
    let waiting = 0;
    afterEnd = (response) => {
      act(response);
      setImmediate(() => {
        act(response);
        waiting = response.writableFinished ? 0 : deletions.waiting;
        deletions.release();
      });
    };
    const options = { store: keyvStore(deletions as never) };
    const { app } = await startApplication({ platform, controllers: [AnswerController], options });
    try {
      return { bytes: await pipelined(app, target), waiting };
    } finally {
      await app.close();
    }
  };

  describe.each(['/answer', '/begun'])('%s', (target) => {
    it.each([
      ['answers unless it has ended', answersUnlessEnded],
      ['writes unless it has ended', writesUnlessEnded],
    ])('changes no byte for whoever %s', async (_, act) => {
      const { bytes, waiting } = await held(target, act);
      expect(waiting).toBeGreaterThan(0);
      expect(bytes).toContain('the other answer');
      expect(bytes).toBe(await withoutTheModule(platform, target));
    });

    it('has ended for whoever looks, writes, ends or sets a field', async () => {
      const seen: unknown[] = [];
      const { bytes, waiting } = await held(target, (response) => {
        seen.push(
          response.writableEnded,
          response.headersSent,
          response.write('more'),
          response.end('more') === response,
        );
        expect(() => response.setHeader('X-Late', '1')).toThrow(
          expect.objectContaining({ code: 'ERR_HTTP_HEADERS_SENT' }),
        );
      });
      afterEnd = () => {};
      expect(waiting).toBeGreaterThan(0);
      expect(seen).toEqual([true, true, false, true, true, true, false, true]);
      expect(bytes).toBe(await withoutTheModule(platform, target));
    });
  });

  it('is ended and finished afterwards', async () => {
    let response: ServerResponse | undefined;
    let finished: Promise<unknown> | undefined;
    await held('/answer', (one) => {
      response = one;
      finished ??= once(one, 'finish');
    });
    await finished;
    expect(response?.writableEnded).toBe(true);
    expect(response?.writableFinished).toBe(true);
  });
});

import { Readable } from 'node:stream';
import type { ServerResponse } from 'node:http';
import { Controller, Get, Header, Param, Render, Res, StreamableFile } from '@nestjs/common';

const HTML = 'text/html; charset=utf-8';
/** Text that looks like anything but text: controls, all of Latin-1, astral characters, memcached's own words. */
export const ODD_TEXT = `${String.fromCodePoint(...Array.from({ length: 256 }, (_, code) => code))}\u{1F600}\uFFFD\r\nEND\r\nVALUE x 0 5\r\nSTORED\r\n`;

interface ReplyLike {
  send(body: unknown): void;
  type(type: string): ReplyLike;
  header(name: string, value: string): ReplyLike;
  raw?: ServerResponse;
}

/** Each way to answer, and how often each was asked. */
@Controller()
export class PagesController {
  static readonly calls = new Map<string, number>();

  private count(way: string): void {
    PagesController.calls.set(way, (PagesController.calls.get(way) ?? 0) + 1);
  }

  @Get('value')
  @Header('content-type', HTML)
  value() {
    this.count('/value');
    return `<h1>value</h1>${ODD_TEXT}`;
  }

  @Get('render')
  @Render('page')
  render() {
    this.count('/render');
    return { title: 'render', text: 'Straße & Söhne 😀' };
  }

  @Get('res')
  res(@Res() reply: ReplyLike) {
    this.count('/res');
    reply.type(HTML).send(`<h1>res</h1>${ODD_TEXT}`);
  }

  @Get('passthrough')
  passthrough(@Res({ passthrough: true }) reply: ReplyLike) {
    this.count('/passthrough');
    reply.header('content-type', HTML);
    return '<h1>passthrough</h1>';
  }

  @Get('streamable')
  streamable() {
    this.count('/streamable');
    return new StreamableFile(Readable.from([Buffer.from('<h1>stre'), Buffer.from('amable</h1>')]), { type: HTML });
  }

  @Get('buffer')
  buffer(@Res() reply: ReplyLike) {
    this.count('/buffer');
    reply.type(HTML).send(Buffer.from(ODD_TEXT, 'utf8'));
  }

  @Get('chunked')
  chunked(@Res() reply: ReplyLike & ServerResponse) {
    this.count('/chunked');
    const raw = reply.raw ?? reply;
    raw.writeHead(200, { 'content-type': HTML });
    raw.write('<h1>chu');
    raw.write(Buffer.from('nked ✓</h1>'));
    setImmediate(() => raw.end('73c3bc', 'hex'));
  }

  @Get('size/:bytes')
  @Header('content-type', HTML)
  size(@Param('bytes') bytes: string) {
    this.count(`/size/${bytes}`);
    return '<p>ö0123456789'.repeat(Number(bytes)).slice(0, Number(bytes));
  }
}

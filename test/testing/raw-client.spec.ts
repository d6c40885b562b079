import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { NginxServer, RawClient, rawRequest } from '../../lib/testing/index.js';
import { plainNginx } from './plain-nginx.js';

const get = (target: string) => `GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`;

describe('RawClient', () => {
  let answers: (string | null)[];
  let requests: string[];
  let connections: Socket[];
  let client: RawClient;
  const server = createServer((socket) => {
    connections.push(socket);
    socket.setEncoding('latin1').on('data', (request: unknown) => {
      requests.push(String(request));
      const answer = answers.shift() ?? null;
      if (answer === null) return socket.end();
      if (answer.includes('in one piece')) return socket.write(answer);
      // In two pieces, wherever they may be cut.
      const cut = answer.length >> 1;
      socket.write(answer.slice(0, cut), 'latin1');
      setTimeout(() => {
        socket.write(answer.slice(cut), 'latin1');
        if (answer.includes('until close')) socket.end();
      }, 5);
    });
  });

  beforeEach(async () => {
    [answers, requests, connections] = [[], [], []];
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    client = new RawClient((server.address() as AddressInfo).port);
  });
  afterEach(() => {
    client.close();
    server.close();
  });

  it('sends bytes as they are, and reads every kind of body on one connection', async () => {
    answers = [
      'HTTP/1.1 200 OK\r\nX-A: 1\r\nx-a:  2 \r\nContent-Length: 5\r\n\r\n\xff\r\n\r\n',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\nA\r\n0123456789\r\n0\r\nT: 1\r\n\r\n',
      'HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n',
      'HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n',
      'HTTP/1.1 200 OK\r\n\r\nuntil close',
      'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n',
    ];
    const [first, chunked, head, notModified, untilClose, empty] = await Promise.all([
      client.send(get('//\xff;%2f')),
      client.send(Buffer.from(get('/chunked'))),
      client.send(get('/head').replace('GET', 'HEAD')),
      client.send(get('/304')),
      client.send(get('/close')),
      client.send(get('/new')),
    ]);
    expect(requests[0]).toBe(get('//\xff;%2f'));
    expect(first.headers).toEqual([
      ['X-A', '1'],
      ['x-a', '2'],
      ['Content-Length', '5'],
    ]);
    expect(first.body.toString('latin1')).toBe('\xff\r\n\r\n');
    expect(chunked.body.toString()).toBe('abc0123456789');
    expect(chunked.raw.toString()).toContain('\r\nA\r\n0123456789\r\n0\r\nT: 1\r\n\r\n');
    expect(head).toMatchObject({ status: 200, body: Buffer.alloc(0) });
    expect(notModified).toMatchObject({ status: 304, body: Buffer.alloc(0) });
    expect(untilClose.body.toString()).toBe('until close');
    expect(empty.status).toBe(200);
    expect(connections).toHaveLength(2);
  });

  it('takes nothing that came unasked for an answer', async () => {
    const response = 'HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\nin one piece';
    const created = response.replace('200', '201');
    answers = [`${response}${response}`, created, created];
    expect((await client.send(get('/'))).status).toBe(200);
    expect((await client.send(get('/'))).status).toBe(201);
    expect(connections).toHaveLength(2);
    await new Promise((resolve) => connections[1]?.write(response, resolve));
    // It is in the other socket of this process, which has not looked yet.
    for (let turn = 0; turn < 3; turn += 1) await new Promise(setImmediate);
    expect((await client.send(get('/'))).status).toBe(201);
  });

  it('says when the server hangs up, answers no HTTP, or is not there', async () => {
    answers = [null, 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n', 'nonsense\r\n\r\n'];
    await expect(client.send(get('/'))).rejects.toThrow(/hung up after 0 bytes/);
    const cutOff = client.send(get('/'));
    await expect.poll(() => connections.length).toBe(2);
    setTimeout(() => connections[1]?.end(), 30);
    await expect(cutOff).rejects.toThrow(/hung up after \d\d bytes: HTTP\/1.1 200/);
    await expect(client.send(get('/'))).rejects.toThrow(/not an HTTP\/1 response: nonsense/);
    server.close();
    await expect(client.send(get('/'))).rejects.toThrow(/ECONNREFUSED/);
  });

  it('connects again when the server has closed the idle connection', async () => {
    answers = Array.from({ length: 2 }, () => 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
    await client.send(get('/'));
    connections[0]?.end();
    // Closed from the other side, too.
    await once(connections[0]!, 'close');
    expect((await client.send(get('/'))).status).toBe(200);
    expect(connections).toHaveLength(2);
  });

  it('makes 20,000 requests to nginx', async () => {
    await using nginx = await NginxServer.start(plainNginx('return 200 $request_uri;'));
    await using many = new RawClient(nginx.port);
    for (let i = 0; i < 20_000; i++) {
      expect((await many.send(get(`/%61//${i}`))).body.toString()).toBe(`/%61//${i}`);
    }
    expect((await rawRequest(nginx.port, get('/a b'))).toString()).toMatch(/^HTTP\/1.1 400 Bad Request\r\n/);
  });
});

import { RawClient, type RawResponse } from '../../../lib/testing/index.js';
import { type Ran, runCommand } from '../../cli/support/run-command.js';

/** `nginx-cache dashboard`, while it runs. */
export interface OpenDashboard extends AsyncDisposable {
  /** With the token, as the command writes it. */
  readonly url: string;
  readonly origin: string;
  readonly port: number;
  readonly token: string;
  /** Sends a request as it is given, with the right token and `Host` unless the fields say something else. */
  ask(line: string, fields?: Readonly<Record<string, string | undefined>>): Promise<RawResponse>;
}

export async function openDashboard(args: readonly string[], cwd: string): Promise<OpenDashboard> {
  const interrupt = new AbortController();
  let running: Promise<Ran> | undefined;
  let written = '';
  await new Promise<void>((opened, failed) => {
    running = runCommand(['dashboard', ...args], {
      cwd,
      signal: interrupt.signal,
      onWrite: (text) => {
        written += text;
        if (written.includes('#token=')) opened();
      },
    });
    running.then(({ stderr }) => failed(new Error(stderr)), failed);
  });
  const url = /http:\S+/.exec(written)![0];
  const { origin, port, hash, host } = new URL(url);
  const token = hash.slice('#token='.length);
  const client = new RawClient(Number(port));
  return {
    url,
    origin,
    port: Number(port),
    token,
    ask: (line, fields = {}) => {
      const all = { Host: host, Authorization: `Bearer ${token}`, ...fields };
      const lines = Object.entries(all).flatMap(([name, value]) =>
        value === undefined ? [] : `${name}: ${value}\r\n`,
      );
      return client.send(`${line} HTTP/1.1\r\n${lines.join('')}\r\n`);
    },
    [Symbol.asyncDispose]: async () => {
      client.close();
      interrupt.abort();
      await running;
    },
  };
}

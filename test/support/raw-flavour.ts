import { memcachedStore, nginxConf, type NginxCacheOptions, type NginxFlavour } from '../../lib/index.js';
import { responseFormat } from '../../lib/page/response-format.js';
import type { HeaderField } from '../../lib/http/fields.js';
import type { Page } from '../../lib/page/page.js';
import { NginxServer, RawClient, type RawResponse } from '../../lib/testing/index.js';
import { RawBackend } from '../nginx/raw-backend.js';
import { modulesDirectory } from './nginx-modules.js';
import { patient } from './patience.js';
import { RawMemcached } from './raw-memcached.js';

/** nginx between an application and a memcached that do what the test says. */
export interface RawFlavour extends AsyncDisposable {
  readonly nginx: NginxServer;
  readonly memcached: RawMemcached;
  readonly app: RawBackend;
  /** @throws Error when nginx hangs up without an answer */
  get(target: string, fields?: string, method?: string): Promise<RawResponse>;
}

/** @param isPatient whether nginx waits for memcached as long as it takes: not in a test of answers that do not come */
export async function startRawFlavour(
  flavour: NginxFlavour,
  options: NginxCacheOptions = {},
  { isPatient = true }: { isPatient?: boolean } = {},
): Promise<RawFlavour> {
  const modules = modulesDirectory(flavour);
  const memcached = await RawMemcached.start();
  const app = await RawBackend.start();
  const all: NginxCacheOptions = {
    hosts: 'any',
    ...options,
    nginx: { flavour },
    store: memcachedStore({ servers: memcached.address }),
  };
  const nginx = await NginxServer.start(({ port, directory }) => {
    const conf = nginxConf(all, { app: `127.0.0.1:${app.port}`, listen: port, directory, modulesDirectory: modules });
    return isPatient ? { ...conf, full: patient(conf.full) } : conf;
  });
  return {
    nginx,
    memcached,
    app,
    get: async (target, fields = '', method = 'GET') => {
      await using client = new RawClient(nginx.port);
      return client.send(`${method} ${target} HTTP/1.1\r\nHost: localhost\r\n${fields}\r\n`);
    },
    [Symbol.asyncDispose]: async () => {
      await nginx.stop();
      app.stop();
      await memcached[Symbol.asyncDispose]();
    },
  };
}

/** A stored response; its fields can be told from those of the application. */
export function storedPage(page: Partial<Page> = {}, ...headers: HeaderField[]): Buffer {
  const fields: HeaderField[] = [['Content-Type', 'text/plain'], ['X-Stored', 'yes'], ...headers];
  return responseFormat.encode({ status: 200, headers: fields, body: Buffer.from('stored'), ...page }).bytes;
}

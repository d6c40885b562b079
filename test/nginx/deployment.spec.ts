import { describe, expect, it } from 'vitest';
import { memcachedStore, NginxCacheConfigError, nginxConf, type NginxDeployment } from '../../lib/index.js';

const options = { store: memcachedStore({ servers: '127.0.0.1:11211' }), hosts: ['a.example', 'b.example'] };
const conf = (deployment: unknown) => nginxConf(options, deployment as NginxDeployment).full;
const app = '127.0.0.1:3000';
const APP = '"host:port" or "unix:/path", one or a list of them';
const LISTEN = 'a port, "address:port" or "unix:/path"';
const NAME = 'a name like "example.com", "*.example.com" or "example.*"';
const LOCATION = 'a path like "/blog/", maybe behind "= " or "^~ ", one or a list of them';
const FIELD_TEXT = 'the value of a request field; nginx puts the value of a variable in the place of "$name"';
const PROXY = 'an address, or a network like "10.0.0.0/8", whose other bits are 0';
const RESOLVER = 'the address of a name server, like "127.0.0.11" or "127.0.0.1:5353", one or a list of them';

describe('a wrong deployment', () => {
  it.each<[unknown, string]>([
    [{}, `deployment.app: undefined … ${APP}`],
    [{ app: 3000 }, `deployment.app: 3000 … ${APP}`],
    [{ app: [] }, `deployment.app: [] … ${APP}`],
    [{ app: 'http://127.0.0.1:3000' }, `deployment.app: 'http://127.0.0.1:3000' … ${APP}`],
    [{ app: '127.0.0.1:70000' }, `deployment.app: '127.0.0.1:70000' … ${APP}`],
    [{ app: '[::1:]:3000' }, `deployment.app: '[::1:]:3000' … ${APP}`],
    [{ app: 'unix:run/app.sock' }, `deployment.app: 'unix:run/app.sock' … ${APP}`],
    [{ app: [app, 'b;'] }, `${APP}`],
    [{ app, listen: 0 }, `deployment.listen: 0 … ${LISTEN}`],
    [{ app, listen: '8080 ssl' }, `deployment.listen: '8080 ssl' … ${LISTEN}`],
    [{ app, listen: 'example.com:port' }, `deployment.listen: 'example.com:port' … ${LISTEN}`],
    [{ app, serverName: 'example.com' }, `deployment.serverName: 'example.com' … a list: [`],
    [{ app, serverName: ['*.*.example.com'] }, `deployment.serverName.0: '*.*.example.com' … ${NAME}`],
    [{ app, serverName: ['a..b'] }, `deployment.serverName.0: 'a..b' … ${NAME}`],
    [{ app, serverName: ['~^a'] }, `deployment.serverName.0: '~^a' … ${NAME}`],
    [{ app, directory: 'var/cache' }, `deployment.directory: 'var/cache' … an absolute path`],
    [{ app, directory: '/var/my cache' }, `deployment.directory: '/var/my cache' … an absolute path`],
    [{ app, location: 'blog' }, `deployment.location: 'blog' … ${LOCATION}`],
    [{ app, location: [] }, `deployment.location: [] … ${LOCATION}`],
    [{ app, location: '~ ^/blog' }, `deployment.location: '~ ^/blog' … ${LOCATION}`],
    [
      { app, location: ['/', '/blog/', '^~ /blog/'] },
      `deployment.location: [ '/', '/blog/', '^~ /blog/' ] … a list with each path once: to nginx, "/blog/" and "^~ /blog/" are the same`,
    ],
    [{ app, location: '/a b' }, `deployment.location: '/a b' … ${LOCATION}`],
    [
      { app, proxySetHeader: { Host: 'a' } },
      `the name of a request field that nginx does not set for the cache itself`,
    ],
    [{ app, proxySetHeader: { 'x-page-cache-KEY': 'a' } }, `the name of a request field that nginx does not set`],
    [{ app, proxySetHeader: { 'X-A': 'a\nb' } }, `deployment.proxySetHeader.X-A: 'a\\nb' … ${FIELD_TEXT}`],
    [{ app, proxySetHeader: { 'X-A': '5 $' } }, `deployment.proxySetHeader.X-A: '5 $' … ${FIELD_TEXT}`],
    [{ app, proxySetHeader: { 'X-A': '${a' } }, `deployment.proxySetHeader.X-A: '\${a' … ${FIELD_TEXT}`],
    [{ app, trustedProxies: '10.0.0.0/8' }, `deployment.trustedProxies: '10.0.0.0/8' … a list: [`],
    [{ app, trustedProxies: ['10.0.0.0/33'] }, `deployment.trustedProxies.0: '10.0.0.0/33' … ${PROXY}`],
    ...['10.0.0.1/8', '10.128.0.0/8', '2001:db8::1/32', '::ffff:10.0.0.1/104', '::/0', '1.2.3.4/0'].map(
      (network): [unknown, string] => [
        { app, trustedProxies: [network] },
        `deployment.trustedProxies.0: '${network}' … ${PROXY}`,
      ],
    ),
    [{ app, trustedProxies: ['lb.example'] }, `deployment.trustedProxies.0: 'lb.example' … ${PROXY}`],
    [{ app, resolver: 'unix:/run/dns' }, `deployment.resolver: 'unix:/run/dns' … ${RESOLVER}`],
    [{ app, resolver: [] }, `deployment.resolver: [] … ${RESOLVER}`],
    [{ app, resolver: '127.0.0.11 valid=1s' }, `deployment.resolver: '127.0.0.11 valid=1s' … ${RESOLVER}`],
    [{ app, nginxVersion: 'latest' }, `deployment.nginxVersion: 'latest' … a version of nginx like "1.22" or "1.27.3"`],
    [{ app, memcachedConnections: 0 }, 'deployment.memcachedConnections: 0 … a whole number from 1 to 1000000'],
    [{ app, logs: 'stdout' }, `deployment.logs: 'stdout' … "files" or "streams"`],
    [{ app, port: 8080 }, 'There is no option `deployment.port`. It must be one of app, listen'],
    [
      { app, servername: [] },
      'There is no option `deployment.servername`. Did you mean `serverName`? It must be one of',
    ],
  ])('%j', (deployment, sentence) => {
    expect(() => conf(deployment)).toThrow(NginxCacheConfigError);
    expect(() => conf(deployment)).toThrow(sentence.replace(' … ', ' is not possible; it must be '));
  });
});

describe('a deployment', () => {
  it.each([8080, '8080', '*:8080', '127.0.0.1:8080', '[::]:8080', 'localhost:8080', 'unix:/run/nginx.sock'])(
    'may listen on %s',
    (listen) => expect(conf({ app, listen })).toContain(`listen ${listen} backlog=4096;`),
  );

  it('has the names of the hosts, unless it is given others', () => {
    expect(conf({ app })).toContain('server_name a.example b.example;');
    expect(conf({ app, serverName: ['*.example', '.b.example', 'www.c.*'] })).toContain(
      'server_name *.example .b.example www.c.*;',
    );
  });

  it('may have several servers of the application', () => {
    const servers = [app, 'app-2.internal:3000', '[::1]:3000', 'unix:/run/app.sock'];
    for (const server of servers) expect(conf({ app: servers })).toContain(`server ${server};`);
  });
});

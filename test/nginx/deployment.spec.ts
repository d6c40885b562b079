import { describe, expect, it } from 'vitest';
import { memcachedStore, NginxCacheConfigError, nginxConf, type NginxDeployment } from '../../lib/index.js';

const options = { store: memcachedStore({ servers: '127.0.0.1:11211' }), hosts: ['a.example', 'b.example'] };
const conf = (deployment: unknown) => nginxConf(options, deployment as NginxDeployment).full;
const app = '127.0.0.1:3000';
const APP = '"host:port" or "unix:/path", one or a list of them';
const LISTEN = 'a port, "address:port" or "unix:/path"';
const NAME = 'a name like "example.com", "*.example.com" or "example.*"';

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
    [{ app, port: 8080 }, `deployment.port: 'port' … left out: what there is is app, listen`],
  ])('%j', (deployment, sentence) => {
    expect(() => conf(deployment)).toThrow(NginxCacheConfigError);
    expect(() => conf(deployment)).toThrow(sentence.replace(' … ', ' is not possible; it must be '));
  });
});

describe('a deployment', () => {
  it.each([8080, '8080', '*:8080', '127.0.0.1:8080', '[::]:8080', 'localhost:8080', 'unix:/run/nginx.sock'])(
    'may listen on %s',
    (listen) => expect(conf({ app, listen })).toContain(`listen ${listen};`),
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

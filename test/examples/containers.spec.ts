import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NestFactory } from '@nestjs/core';
import { expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { nginxConf } from '../../lib/index.js';
import { findProgram } from '../../lib/testing/find-program.js';
import { freePort, MemcachedServer } from '../../lib/testing/index.js';
import { nginxVersion } from '../support/nginx-version.js';

const examples = join(import.meta.dirname, '../../examples');
/** nginx of the official image. */
const USER = 101;

interface Manifest {
  kind: string;
  metadata: { name: string };
  data?: Record<string, string>;
  spec: {
    selector?: { app: string };
    clusterIP?: string;
    ports?: { port: number; targetPort?: number }[];
    template: {
      metadata: { labels: { app: string } };
      spec: {
        volumes?: { name: string }[];
        initContainers?: Container[];
        containers: Container[];
      };
    };
  };
}

interface Container {
  name: string;
  image: string;
  ports?: { containerPort: number }[];
  volumeMounts?: { name: string }[];
  securityContext: { runAsNonRoot: boolean; allowPrivilegeEscalation: boolean };
}

it('the application and nginx of examples/docker-compose work, nginx as another user with its logs in the streams', async () => {
  const memcached = await MemcachedServer.start();
  const port = await freePort();
  Object.assign(process.env, { MEMCACHED: memcached.address, APP: `127.0.0.1:${port}`, RESOLVER: '127.0.0.1' });
  const { AppModule } = await import('../../examples/docker-compose/src/app.module.js');
  const { default: options, deployment } = await import('../../examples/docker-compose/src/nginx-cache.config.js');
  const app = await NestFactory.create(AppModule, { logger: ['error'] });
  await app.listen(port, '127.0.0.1');

  const directory = mkdtempSync(join(tmpdir(), 'containers-'));
  const listen = await freePort();
  const { full } = nginxConf(options, { ...deployment, listen, directory, nginxVersion: nginxVersion() });
  writeFileSync(join(directory, 'nginx.conf'), full);
  const [output, errors] = [join(directory, 'stdout'), join(directory, 'stderr')];
  const stdio = [output, errors].map((file) => openSync(file, 'a'));
  const isRoot = process.getuid?.() === 0;
  if (isRoot) for (const path of [directory, output, errors]) chownSync(path, USER, USER);
  const nginx = spawn(findProgram('nginx'), ['-c', join(directory, 'nginx.conf'), '-g', 'daemon off;'], {
    stdio: ['ignore', stdio[0]!, stdio[1]!],
    ...(isRoot && { uid: USER, gid: USER }),
  });
  const ended = once(nginx, 'exit');

  const status = async () => {
    const response = await fetch(`http://127.0.0.1:${listen}/`).catch(() => undefined);
    return [response?.headers.get('cache-status'), await response?.text()];
  };
  await expect.poll(status).toEqual(['nginx; hit', '<h1>Hello</h1>']);
  await expect.poll(() => readFileSync(output, 'utf8')).toContain('"GET / HTTP/1.1" 200');
  expect(readFileSync(errors, 'utf8')).not.toMatch(/\[emerg\]|Permission denied/);

  nginx.kill('SIGQUIT');
  await ended;
  await app.close();
  await memcached.stop();
  rmSync(directory, { recursive: true });
});

it('examples/docker-compose: the names in the options are those of the services, and nginx is not root', () => {
  const { services } = parse(readFileSync(join(examples, 'docker-compose/compose.yaml'), 'utf8')) as {
    services: Record<string, { user?: string; ports?: string[] }>;
  };
  const config = readFileSync(join(examples, 'docker-compose/src/nginx-cache.config.ts'), 'utf8');
  const names = Array.from(config.matchAll(/'(\w+):\d+'/g), ([, name]) => name!);
  expect(names).toEqual(['memcached', 'app']);
  expect(Object.keys(services)).toEqual(expect.arrayContaining(names));
  expect(services['nginx']).toMatchObject({ user: `${USER}:${USER}`, ports: ['8080:8080'] });
  const stages = readFileSync(join(examples, 'docker-compose/Dockerfile'), 'utf8').split(/^FROM /m);
  expect(
    stages.filter((stage) => / AS (?:app|nginx)\n/.test(stage)).every((stage) => /^USER (?!root)/m.test(stage)),
  ).toBe(true);
});

it('examples/kubernetes: Services lead to pods that are there, and none of these is root', () => {
  const documents = parseAllDocuments(readFileSync(join(examples, 'kubernetes/site.yaml'), 'utf8'));
  expect(documents.flatMap(({ errors }) => errors)).toEqual([]);
  const manifests = documents.map((document) => document.toJS() as Manifest);
  const ofKind = (kind: string) => manifests.filter((one) => one.kind === kind);
  const pods = new Map(ofKind('Deployment').map(({ spec }) => [spec.template.metadata.labels.app, spec.template.spec]));
  expect(ofKind('Service').map(({ metadata }) => metadata.name)).toEqual(['blog', 'blog-nginx', 'memcached']);
  for (const { spec } of ofKind('Service')) {
    const ports = pods.get(spec.selector?.app ?? '')?.containers.flatMap((container) => container.ports ?? []);
    expect(ports?.map(({ containerPort }) => containerPort)).toEqual(
      spec.ports?.map(({ port, targetPort = port }) => targetPort),
    );
  }
  expect(ofKind('Service').at(-1)?.spec.clusterIP).toBe('None');
  for (const { containers, initContainers = [], volumes = [] } of pods.values()) {
    for (const { securityContext, volumeMounts = [] } of [...initContainers, ...containers]) {
      expect(securityContext).toMatchObject({ runAsNonRoot: true, allowPrivilegeEscalation: false });
      const names = volumes.map(({ name }) => name);
      expect(names).toEqual(expect.arrayContaining(volumeMounts.map(({ name }) => name)));
    }
  }
  const { data = {} } = ofKind('ConfigMap')[0]!;
  expect([data['APP'], data['MEMCACHED']]).toEqual(
    ['blog:3000', 'memcached:11211'].map((name) => name.replace(':', '.default.svc.cluster.local:')),
  );
});

import { flavours } from './flavours.mjs';
import { nestsOn } from './nest.mjs';
import { proxyCaches } from './proxy-cache.mjs';
import { staticFiles } from './static-files.mjs';
import { tutorials } from './tutorial.mjs';
import { varnish } from './varnish.mjs';

/**
 * In the order in which they are reported: the others of a group are compared with the first of it. `rate`: requests a second at which
 * latencies are measured, about half of what the slowest of them can do.
 */
export const GROUPS = [
  {
    title: 'in front of Node',
    rate: 2000,
    contenders: [...flavours, ...tutorials, ...proxyCaches, varnish, ...staticFiles],
  },
  { title: 'by Express', rate: 400, contenders: nestsOn('express') },
  { title: 'by Fastify', rate: 400, contenders: nestsOn('fastify') },
];

import { block, map } from './syntax.js';
import type { SiteNames } from './variables.js';

/** The variable that holds the scheme of the visitor. */
export function schemeVariable(trustedProxies: readonly string[], names: SiteNames): string {
  return trustedProxies.length > 0 ? names.variable('scheme') : '$scheme';
}

/** What a load balancer that terminates TLS says about the scheme, if the load balancer is trusted. */
export function schemeMaps(trustedProxies: readonly string[], names: SiteNames): string[] {
  if (trustedProxies.length === 0) return [];
  const trusted = names.variable('trusted');
  return [
    '# Not $remote_addr, in whose place real_ip_header may put the address of the visitor.',
    ...block(`geo $realip_remote_addr ${trusted}`, [
      'default "";',
      ...trustedProxies.map((proxy) => `${proxy} trusted;`),
    ]),
    ...map(`"${trusted} $http_x_forwarded_proto"`, names.variable('scheme'), [
      ['default', '$scheme'],
      ['trusted http', 'http'],
      ['trusted https', 'https'],
    ]),
  ];
}

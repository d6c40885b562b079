import { fieldsOf, type Rule, test } from './rule.js';

/**
 * Request fields in which clients and proxies say who a visitor is. nginx cannot match names by pattern, so these are the names that the products
 * document.
 */
// prettier-ignore
export const CREDENTIAL_FIELDS: readonly string[] = [
  'X-Api-Key', 'Api-Key', 'X-Auth-Token', 'X-Access-Token', 'X-Authorization', 'Proxy-Authorization',
  'Remote-User', 'Remote-Email', 'Remote-Groups', 'Remote-Name', 'X-Remote-User', 'X-WebAuth-User', // Authelia, Apache, Grafana
  'X-Forwarded-User', 'X-Forwarded-Email', 'X-Forwarded-Groups', 'X-Forwarded-Preferred-Username', 'X-Forwarded-Access-Token',
  'X-Auth-Request-User', 'X-Auth-Request-Email', 'X-Auth-Request-Groups', 'X-Auth-Request-Preferred-Username',
  'X-Auth-Request-Access-Token', // oauth2-proxy
  'X-SSL-Client-S-DN', 'X-SSL-Client-I-DN', 'X-SSL-Client-DN', 'X-SSL-Client-CN', 'X-SSL-Client-Cert', 'X-SSL-Client-Verify',
  'X-SSL-Client-Serial', 'X-SSL-Client-SHA1', 'X-SSL-Cert', 'X-Client-Cert', 'Client-Cert', // RFC 9440
  'X-Forwarded-Client-Cert', 'X-Forwarded-Tls-Client-Cert', 'X-Forwarded-Tls-Client-Cert-Info', // Envoy, Traefik
  'Cf-Access-Jwt-Assertion', 'Cf-Access-Authenticated-User-Email', 'Cf-Access-Client-Id', 'Cf-Access-Client-Secret', 'Cf-Access-Token',
  'X-Amzn-Oidc-Data', 'X-Amzn-Oidc-Identity', 'X-Amzn-Oidc-Accesstoken', 'X-Amzn-Mtls-Clientcert',
  'X-Goog-Iap-Jwt-Assertion', 'X-Goog-Authenticated-User-Email', 'X-Goog-Authenticated-User-Id',
  'X-Ms-Client-Principal', 'X-Ms-Client-Principal-Id', 'X-Ms-Client-Principal-Name', 'X-Ms-Client-Principal-Idp',
  'X-Ms-Token-Aad-Access-Token', 'X-Ms-Token-Aad-Id-Token',
  'Tailscale-User-Login', 'Tailscale-User-Name', 'Tailscale-User-Profile-Pic',
  'X-Authentik-Username', 'X-Authentik-Email', 'X-Authentik-Jwt', 'X-Pomerium-Jwt-Assertion', 'X-Vouch-User',
  'X-Consumer-Id', 'X-Consumer-Username', 'X-Consumer-Custom-Id', 'X-Userinfo', // Kong
];

/** Request fields by which scripts ask for a part of a page. */
export const PARTIAL_FIELDS: readonly string[] = [
  'HX-Request',
  'X-Requested-With',
  'X-PJAX',
  'Turbo-Frame',
  'X-Inertia',
  'RSC',
];

/** Inputs of a page besides request fields: the peer's address, its certificate, and what TLS has negotiated (including the host in SNI). */
export const CONNECTION_INPUTS = [':remote-address', ':client-certificate', ':tls'] as const;

/** `requestFields`, in lower case. */
export interface RequestFieldOptions {
  /** Fields besides the built-in ones. */
  readonly bypass: readonly string[];
  readonly ignore: readonly string[];
}

/** A request with one of these fields neither gets a stored page nor makes one. */
export function requestFieldRules({ bypass, ignore }: RequestFieldOptions): Rule[] {
  const groups: [reason: string, names: readonly string[]][] = [
    ['credentials', CREDENTIAL_FIELDS],
    ['partial', PARTIAL_FIELDS],
    ['request-field', bypass],
  ];
  const known = new Set(ignore);
  return groups.flatMap(([reason, names]) => {
    const fields = [...new Set(names.map((name) => name.toLowerCase()))].filter((name) => !known.has(name));
    for (const name of fields) known.add(name);
    if (fields.length === 0) return [];
    return [{ reason, bypassWhen: 'one matches', tests: [test(`fields:${fields.join()}`, '[^\\x09\\x20]')] }];
  });
}

/** The fields that the rules keep away from pages. */
export function bypassFields(rules: readonly Rule[]): string[] {
  return rules.flatMap(({ tests }) => tests.flatMap(({ subject }) => fieldsOf(subject) ?? []));
}

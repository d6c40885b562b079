/** What nginx lacks, and what to do about it. */
export interface Lacking {
  /** One sentence, without its full stop. */
  readonly what: string;
  /** A sentence. */
  readonly cure: string;
}

const LOAD = "and load it: set modulesDirectory of the deployment (on Debian and Ubuntu: '/usr/lib/nginx/modules')";

/** The modules that have directives with these beginnings, as packages of Debian and Ubuntu. */
const MODULES: readonly [directive: RegExp, cure: string][] = [
  [/^srcache_/, `Install libnginx-mod-http-srcache-filter ${LOAD}.`],
  [/^memc_/, `Install libnginx-mod-http-memc ${LOAD}.`],
  [/^set_|^ndk_/, 'Install libnginx-mod-http-set-misc and libnginx-mod-http-ndk and load them.'],
  [/^js_/, `Install libnginx-mod-http-js ${LOAD}.`],
  [/^brotli/, `Install libnginx-mod-http-brotli-static ${LOAD}; or leave brotli out of fileStore().`],
  [/^stream$/, `Install libnginx-mod-stream ${LOAD}.`],
  [/^gunzip/, 'Take an nginx with ngx_http_gunzip_module (--with-http_gunzip_module), as all packages have it.'],
  [/^gzip_static/, 'Take an nginx with ngx_http_gzip_static_module (--with-http_gzip_static_module).'],
  [/^(?:set_real_ip|real_ip)/, 'Take an nginx with ngx_http_realip_module (--with-http_realip_module).'],
];

/**
 * The module that nginx needs for a configuration that it refuses.
 *
 * @param said the error of nginx
 * @returns `undefined` if it refuses the configuration for another reason
 */
export function lackingModule(said: string): Lacking | undefined {
  if (/"resolver" directive is not allowed here|invalid parameter "resolve"/.test(said)) {
    return {
      what: 'nginx is older than 1.27.3, and cannot resolve the names of an upstream itself',
      cure: 'Set nginxVersion of the deployment to the version that `nginx -v` prints.',
    };
  }
  const [, directive = ''] = /unknown directive "([^"]+)"/.exec(said) ?? [];
  const [, cure] = MODULES.find(([begins]) => begins.test(directive)) ?? [];
  return cure === undefined ? undefined : { what: `nginx lacks the module of the directive ${directive}`, cure };
}

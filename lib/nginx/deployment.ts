import { isIPv4, isIPv6 } from 'node:net';
import * as v from 'valibot';
import { NginxCacheConfigError } from '../options/nginx-cache-config.error.js';

/**
 * Where nginx runs and what it stands in front of.
 *
 * @publicApi
 */
export interface NginxDeployment {
  /** The application: `127.0.0.1:3000`, `unix:/run/app.sock`, or several. */
  app: string | readonly string[];
  /** Port, or address and port, of nginx. Default 8080. */
  listen?: number | string;
  /** `server_name`. Default: the `hosts` of the options, or every name. */
  serverName?: readonly string[];
  /** For `full`: where pid, logs and temporary files go. Default `/var/lib/nginx-cache`. */
  directory?: string;
  /**
   * For `full`: where the modules are that `srcache` and `njs` need, when nginx must load them. On Debian and Ubuntu
   * `/usr/lib/nginx/modules`. Default: they are built in, as in OpenResty.
   */
  modulesDirectory?: string;
}

const APP = '"host:port" or "unix:/path", one or a list of them';
const LISTEN = 'a port, "address:port" or "unix:/path"';
const NAMES = 'a list: [ … ]';
const NAME = 'a name like "example.com", "*.example.com" or "example.*"';
const DIRECTORY = 'an absolute path, of the characters A-Z a-z 0-9 . _ @ + - /';

const SOCKET = /^unix:\/[\w./@+-]+$/;
const isPort = (text: string) => /^[1-9]\d{0,4}$/.test(text) && Number(text) <= 65_535;
const isHost = (text: string) => (/^\[.*\]$/.test(text) ? isIPv6(text.slice(1, -1)) : /^\w[\w.-]*$/.test(text));
/** Nothing that nginx would refuse or read as more than an address. */
function isAddress(text: string): boolean {
  const [, host = '', port = ''] = /^(.+):(\d+)$/.exec(text) ?? [];
  return SOCKET.test(text) || (isHost(host) && host !== 'unix' && isPort(port));
}
const isListen = (text: string) =>
  isAddress(text) || isPort(text) || (text.startsWith('*:') && isPort(text.slice(2))) || isIPv4(text);

const app = v.pipe(v.string(APP), v.check(isAddress, APP));
const path = v.pipe(v.string(DIRECTORY), v.regex(/^\/[\w./@+-]*$/, DIRECTORY));
const deploymentSchema = v.strictObject(
  {
    app: v.union([app, v.pipe(v.array(app), v.minLength(1, APP))], APP),
    listen: v.optional(
      v.union(
        [
          v.pipe(v.number(), v.integer(LISTEN), v.minValue(1, LISTEN), v.maxValue(65_535, LISTEN)),
          v.pipe(v.string(), v.check(isListen, LISTEN)),
        ],
        LISTEN,
      ),
    ),
    serverName: v.optional(
      v.array(
        v.pipe(v.string(NAME), v.regex(/^(?:\*?\.)?(?:[\w-]+\.)*[\w-]+$|^(?:[\w-]+\.)+\*$|^\[[0-9a-f:]+\]$/, NAME)),
        NAMES,
      ),
    ),
    directory: v.optional(path),
    modulesDirectory: v.optional(path),
  },
  ({ expected }) => {
    if (expected === '"app"') return APP;
    const names = 'app, listen, serverName, directory, modulesDirectory';
    return expected === 'never' ? `left out: what there is is ${names}` : `an object: { ${names} }`;
  },
);

export interface CheckedDeployment {
  readonly app: readonly string[];
  readonly listen: number | string;
  readonly serverName: readonly string[];
  readonly directory: string;
  readonly modulesDirectory: string | undefined;
}

export function checkDeployment(deployment: NginxDeployment, hosts: readonly string[] | undefined): CheckedDeployment {
  const result = v.safeParse(deploymentSchema, deployment, { abortEarly: true });
  if (!result.success) {
    const [issue] = result.issues;
    throw new NginxCacheConfigError(
      `deployment.${v.getDotPath(issue) ?? ''}`.replace(/\.$/, ''),
      issue.input,
      issue.message,
    );
  }
  const { app, listen = 8080, serverName = hosts ?? [], directory = '/var/lib/nginx-cache' } = deployment;
  return {
    app: typeof app === 'string' ? [app] : app,
    listen,
    serverName,
    directory: directory.replace(/(?<=.)\/$/, ''),
    modulesDirectory: deployment.modulesDirectory?.replace(/(?<=.)\/$/, ''),
  };
}

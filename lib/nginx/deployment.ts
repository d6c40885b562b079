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
}

const APP = '"host:port" or "unix:/path", one or a list of them';
const LISTEN = 'a port, "address:port" or "unix:/path"';
const address = v.pipe(v.string(APP), v.regex(/^(unix:\/[\w./@+-]+|[\w.-]+:\d{1,5}|\[[0-9a-fA-F:]+\]:\d{1,5})$/, APP));
const DIRECTORY = 'an absolute path without spaces and quotes';
const deploymentSchema = v.strictObject(
  {
    app: v.union([address, v.pipe(v.array(address), v.minLength(1))], APP),
    listen: v.optional(
      v.union(
        [
          v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(65535)),
          v.pipe(v.string(), v.regex(/^[\w.:/[\]*@+-]+$/)),
        ],
        LISTEN,
      ),
    ),
    serverName: v.optional(
      v.array(v.pipe(v.string(), v.regex(/^[\w.*:[\]-]+$/, 'a name like "example.com" or "*.example.com"'))),
    ),
    directory: v.optional(v.pipe(v.string(DIRECTORY), v.regex(/^\/[\w./@+-]*$/, DIRECTORY))),
  },
  '{ app, listen, serverName, directory }',
);

export interface CheckedDeployment {
  readonly app: readonly string[];
  readonly listen: number | string;
  readonly serverName: readonly string[];
  readonly directory: string;
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
  };
}

import { isNginxBefore } from './nginx-version.js';

/** TLS with HTTP/2 on a port of 127.0.0.1, in the words of this version of nginx. */
export function listenTls(port: number): string {
  return `listen 127.0.0.1:${port} ssl${isNginxBefore('1.25.1') ? ' http2;' : '; http2 on;'}`;
}

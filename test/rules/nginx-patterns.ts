import { map } from '../../lib/nginx/syntax.js';
import type { Pattern } from '../../lib/rules/pattern.js';
import { NginxServer } from '../../lib/testing/index.js';
import { RawPool } from '../page/raw-pool.js';

const PART = 300;

/** What PCRE makes of patterns, as nginx uses it: in `map`s of a variable. */
export async function matchesInNginx(patterns: readonly Pattern[], subjects: readonly string[]): Promise<boolean[][]> {
  const maps = patterns.flatMap(({ source, ignoreCase }, index) =>
    map('$http_x_subject', `$match_${index}`, [
      ['default', '0'],
      [`~${ignoreCase ? '*' : ''}${source}`, '1'],
    ]),
  );
  // A parameter of a directive may have 4096 bytes (NGX_CONF_BUFFER).
  const parts = Array.from({ length: Math.ceil(patterns.length / PART) }, (_, part) => {
    const some = patterns.slice(part * PART, (part + 1) * PART);
    return some.map((__, index) => `$match_${part * PART + index}`).join('');
  });
  const locations = parts.map((variables, part) => `location = /${part} { return 200 "${variables}"; }`);
  await using nginx = await NginxServer.start(({ port, directory }) => ({
    full: `
      pid ${directory}/nginx.pid;
      error_log ${directory}/error.log;
      events {}
      http {
        access_log off;
        variables_hash_max_size 8192;
        client_body_temp_path ${directory}/body; proxy_temp_path ${directory}/proxy;
        fastcgi_temp_path ${directory}/fastcgi; uwsgi_temp_path ${directory}/uwsgi; scgi_temp_path ${directory}/scgi;
        ${maps.join('\n')}
        server { listen 127.0.0.1:${port}; ${locations.join('\n')} }
      }`,
  }));
  const pool = new RawPool(nginx.port, 8);
  try {
    const answers = await pool.sendAll(
      subjects.flatMap((subject) =>
        parts.map((_, part) => `GET /${part} HTTP/1.1\r\nHost: localhost\r\nX-Subject: ${subject}\r\n\r\n`),
      ),
    );
    const log = nginx.errorLog();
    if (log !== '') throw new Error(log);
    return subjects.map((_, index) =>
      answers
        .slice(index * parts.length, (index + 1) * parts.length)
        .flatMap(({ body }) => Array.from(body.toString('latin1'), (digit) => digit === '1')),
    );
  } finally {
    pool.close();
  }
}

/** Where nginx and JavaScript do not agree, as lines for a person. */
export async function disagreements(patterns: readonly Pattern[], subjects: readonly string[]): Promise<string[]> {
  const found = await matchesInNginx(patterns, subjects);
  const regexps = patterns.map(({ source, ignoreCase }) => new RegExp(source, ignoreCase ? 'i' : ''));
  return subjects.flatMap((subject, row) =>
    regexps.flatMap((regexp, column) => {
      const inNginx = found[row]?.[column];
      return inNginx === regexp.test(subject)
        ? []
        : [`${String(regexp)} on ${JSON.stringify(subject)}: nginx ${inNginx}, JavaScript ${!inNginx}`];
    }),
  );
}

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Certificate {
  readonly certificate: string;
  readonly key: string;
}

/** A certificate that has signed itself. In PEM. */
export function selfSigned(...names: string[]): Certificate {
  const directory = mkdtempSync(join(tmpdir(), 'certificate-'));
  const path = (name: string) => join(directory, name);
  try {
    const request = 'req -x509 -nodes -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -days 2'.split(' ');
    const written = ['-keyout', path('key.pem'), '-out', path('certificate.pem')];
    const subject = [
      '-subj',
      `/CN=${names[0]}`,
      '-addext',
      `subjectAltName=${names.map((name) => `DNS:${name}`).join()}`,
    ];
    execFileSync('openssl', [...request, ...written, ...subject], { stdio: 'pipe' });
    return { certificate: readFileSync(path('certificate.pem'), 'utf8'), key: readFileSync(path('key.pem'), 'utf8') };
  } finally {
    rmSync(directory, { recursive: true });
  }
}

import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { NginxConf } from '../configuration/nginx-conf.js';

/** A file of the nginx configuration. */
export interface ConfFile {
  /** Relative to the directory that it is written to. */
  readonly path: string;
  readonly text: string;
  /** Whether the other files refer to it, by its place in the `directory` of the deployment. */
  readonly isHelper: boolean;
  /** Whether only the user who starts nginx may read it. */
  readonly isSecret: boolean;
}

/** @param isWhole whether to write a complete nginx.conf, instead of files to include in another one */
export function confFiles(conf: NginxConf, isWhole: boolean): ConfFile[] {
  const pieces: Readonly<Record<string, string>> = isWhole
    ? { 'nginx.conf': conf.full }
    : { 'http.conf': conf.http, 'server.conf': conf.server, ...(conf.stream !== '' && { 'stream.conf': conf.stream }) };
  return [
    ...Object.entries(pieces).map(([path, text]) => ({ path, text, isHelper: false, isSecret: false })),
    // A script of the njs flavour, or a secret.
    ...Object.entries(conf.files).map(([path, text]) => ({
      path,
      text,
      isHelper: true,
      isSecret: path.endsWith('.conf'),
    })),
  ];
}

/** @returns the paths of the written files */
export async function writeConfFiles(files: readonly ConfFile[], directory: string): Promise<string[]> {
  const paths: string[] = [];
  for (const { path, text, isSecret } of files) {
    const to = join(directory, path);
    const mode = isSecret ? 0o600 : 0o644;
    await mkdir(dirname(to), { recursive: true });
    await writeFile(to, text, { mode });
    // The mode above applies only to new files.
    await chmod(to, mode);
    paths.push(to);
  }
  return paths;
}

/** The text of an installed file; empty when there is none. */
export async function installedText(directory: string, { path }: ConfFile): Promise<string> {
  try {
    return await readFile(join(directory, path), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
}

import { resolve } from 'node:path';
import { type INestApplication, type INestApplicationContext, Logger, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { PageCacheService } from '../module/page-cache.service.js';
import { CliError } from './cli.error.js';
import { ErrorLogger } from './error-logger.js';
import { loadFile } from './load-file.js';
import type { Terminal } from './terminal.js';

/** An application that the command has made. */
export interface CreatedSite {
  readonly app: INestApplicationContext;
  /** The other exports of the file. */
  readonly exports: Readonly<Record<string, unknown>>;
  readonly file: string;
}

/**
 * Makes the application of a module: from a module class, or with a function that returns the application, as `main.ts` calls it.
 *
 * @param given `dist/app.module.js`, or `dist/create-app.js#createApp`
 * @param renders whether it must be able to answer requests; otherwise only its providers are made
 * @throws {CliError} when the file exports neither, or when the application has no page cache
 */
export async function createSite(
  given: string,
  terminal: Terminal,
  renders: boolean,
  logger = new ErrorLogger(terminal.stderr),
): Promise<CreatedSite> {
  const [path = '', name] = given.split('#', 2);
  const file = resolve(terminal.cwd, path);
  const exports = await loadFile(file);
  const factory = factoryOf(exports, name, file);
  // Also for a function that sets no logger: Nest logs its start where the result of the command goes.
  Logger.overrideLogger(logger);
  const listeners = process.listeners('SIGINT');
  let app: INestApplicationContext;
  if (isClass(factory)) {
    const options = { logger, abortOnError: false };
    app = renders
      ? await NestFactory.create(factory as Type, options)
      : await NestFactory.createApplicationContext(factory as Type, options);
  } else {
    app = await applicationOf((factory as () => unknown)(), file);
    app.useLogger(logger);
  }
  // Those of enableShutdownHooks() would end the process before the command has said how far it got.
  for (const listener of process.listeners('SIGINT')) {
    if (!listeners.includes(listener)) process.removeListener('SIGINT', listener);
  }
  mustHavePages(app, file);
  return { app, exports, file };
}

function factoryOf(exports: Readonly<Record<string, unknown>>, name: string | undefined, file: string): object {
  const candidates = Object.entries(exports).filter(([, value]) => typeof value === 'function') as [string, object][];
  const named = candidates.find(([one]) => one === (name ?? 'default'))?.[1];
  const [first, second] = new Set(candidates.map(([, value]) => value));
  const found = named ?? (name === undefined && !second ? first : undefined);
  if (found) return found;
  const names = candidates.map(([one]) => one).join(', ');
  if (names === '')
    throw new CliError(
      `${file} exports no class and no function`,
      'Give the file of the module: --module dist/app.module.js.',
    );
  throw new CliError(
    name === undefined ? `${file} exports ${names}` : `${file} exports no ${name}`,
    `Name one of ${names}: --module FILE#NAME.`,
  );
}

function isClass(value: object): boolean {
  return /^class\b/.test(Function.prototype.toString.call(value));
}

async function applicationOf(given: unknown, file: string): Promise<INestApplication> {
  const app = await given;
  if (typeof app === 'object' && app !== null && 'getHttpAdapter' in app) return app as INestApplication;
  throw new CliError(
    `${file}: the function does not return a Nest application`,
    'Return what NestFactory.create() has made.',
  );
}

function mustHavePages(app: INestApplicationContext, file: string): void {
  try {
    app.get(PageCacheService, { strict: false });
  } catch (error) {
    throw new CliError(
      `The application of ${file} has no NginxCacheModule of this package`,
      'Run the command that is installed with the application (npx nginx-cache), and import NginxCacheModule there.',
      undefined,
      { cause: error },
    );
  }
}

import type { INestApplication, INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { NginxCacheModule } from '../module/nginx-cache.module.js';
import { PageCacheService } from '../module/page-cache.service.js';
import type { Site } from '../operations/site.js';
import type { CheckedOptions } from '../options/checked-options.js';
import { PAGE_CACHE_OPTIONS } from '../options/tokens.js';
import { isSame } from '../stores/journal/edition.js';
import type { PurgeJournal } from '../stores/journal/purge-journal.js';
import { PageStorage } from '../stores/page-storage.js';
import type { GlobalOptions } from './global-options.js';
import { CliError } from './cli.error.js';
import { ErrorLogger } from './error-logger.js';
import { ExitCode } from './exit-code.js';
import { loadConfiguration } from './load-configuration.js';
import { createSite } from './site-of-module.js';
import type { Terminal } from './terminal.js';

const STORE_DOWN = 'Start it, or correct `store` in the options; nginx-cache doctor checks it.';

/** What a command needs besides the store. */
export interface SiteNeeds {
  /** Whether pages are rendered. That needs the application, which does not listen. */
  readonly renders?: boolean;
  /** Whether the work handles Ctrl-C itself, and has something to finish then. */
  readonly endsItself?: boolean;
  /** Whether the command itself says which purges are not done: unlike the application, it does not repeat them. */
  readonly reportsPurges?: boolean;
}

/** A site that the command has opened. */
export interface OpenSite extends Site {
  close(): Promise<void>;
}

/**
 * Opens the page cache of the site, from the configuration alone or with the application.
 *
 * @throws {CliError} when that is not possible, with what to do about it
 */
export async function openSite(
  given: GlobalOptions,
  terminal: Terminal,
  { renders = false, reportsPurges = false }: SiteNeeds,
): Promise<OpenSite> {
  const logger = new ErrorLogger(terminal.stderr, reportsPurges);
  const app = await applicationFor(given, terminal, renders, logger);
  const options = app.get<CheckedOptions>(PAGE_CACHE_OPTIONS, { strict: false });
  try {
    mustBeShared(options);
    if (renders) await startRendering(app as INestApplication);
  } catch (error) {
    await app.close();
    throw error;
  }
  return {
    pages: app.get(PageCacheService, { strict: false }),
    options,
    get: (token) => app.get(token, { strict: false }),
    close: () => app.close(),
  };
}

async function applicationFor(
  given: GlobalOptions,
  terminal: Terminal,
  renders: boolean,
  logger: ErrorLogger,
): Promise<INestApplicationContext> {
  if (given.module !== undefined) return (await createSite(given.module, terminal, renders, logger)).app;
  if (renders) {
    throw new CliError(
      'Pages are rendered by the application, and a configuration alone has none',
      'Give its module: --module dist/app.module.js, or the function that makes it: --module dist/create-app.js#createApp.',
    );
  }
  const { options } = await loadConfiguration(given, terminal);
  return NestFactory.createApplicationContext(NginxCacheModule.forRoot(options), { logger, abortOnError: false });
}

function mustBeShared({ store: { kind } }: CheckedOptions): void {
  if (kind !== 'memory') return;
  throw new CliError(
    'The pages are in the memory of the application, where no other process finds them',
    'Keep them where nginx finds them too: store: memcachedStore({ servers }) or fileStore({ root }).',
  );
}

/**
 * How many times the store is asked. The deadline of an answer may pass while a large application starts on a busy machine, and nobody reads the
 * answer.
 */
const ATTEMPTS = 3;

async function read(journal: PurgeJournal): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await journal.catchUp();
    } catch (cause) {
      if (attempt < ATTEMPTS) continue;
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new CliError(`The store does not answer: ${why}`, STORE_DOWN, ExitCode.PROBLEM, { cause });
    }
  }
}

/** A process that starts with other options makes them the options of the site, and deletes all pages. A command must not do that. */
async function startRendering(app: INestApplication): Promise<void> {
  const { parts } = app.get(PageStorage, { strict: false });
  for (const { journal } of parts) {
    await read(journal);
    const { claim, own } = journal.editions;
    if (!claim || !own || isSame(claim, own)) continue;
    throw new CliError(
      'The stored pages belong to an application with other options, or of another version',
      'Run the command with the environment of the application that runs; start a new version before you publish its pages.',
      ExitCode.PROBLEM,
    );
  }
  await app.init();
}

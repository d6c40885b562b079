import type { Command } from 'commander';
import type { PublishProgress } from '../../events/outcomes.events.js';
import { PageKeys } from '../../page/page-key.js';
import { SitemapReader } from '../../publishing/sitemap/sitemap-reader.js';
import { type PageTarget, targetPaths } from '../../purging/purge-target.js';
import type { Cli } from '../cli.js';
import { ExitCode } from '../exit-code.js';
import type { GlobalOptions } from '../global-options.js';
import type { Site } from '../../operations/site.js';
import { asNamed, misused, positiveNumber } from '../page-filter.js';
import { linesOf } from '../publish/listed-targets.js';
import { progressView } from '../publish/publish-progress.js';
import { publishSummary } from '../publish/publish-summary.js';
import { ResumeFile } from '../publish/resume-file.js';
import { counted } from '../units.js';

/** How many addresses of a sitemap are read, as in `publishSitemap()`. */
const LIMIT = 100_000;

interface PublishOptions {
  readonly sitemap?: string;
  readonly from?: string;
  readonly skipStored?: boolean;
  readonly concurrency?: number;
  readonly resume?: string;
}

const EXAMPLES = `
Examples:
  nginx-cache publish --module dist/app.module.js / /posts/1
  nginx-cache publish --module dist/create-app.js#createApp --sitemap /sitemap.xml --skip-stored
  nginx-cache publish --module dist/app.module.js --from urls.txt > publish.log
  nginx-cache publish --module dist/app.module.js --from urls.txt --resume nginx-cache-publish.done`;

/** `nginx-cache publish`: renders pages through the application and stores them. */
export function addPublishCommand(program: Command, cli: Cli): void {
  program
    .command('publish')
    .description('Render pages through the application, as an anonymous visitor, and store them. It needs --module.')
    .argument('[pages...]', 'paths with their queries, or URLs')
    .option('--sitemap <url>', 'the pages of a sitemap, which the application serves: a path or a URL')
    .option('--from <file>', 'the paths or URLs in the lines of a file; - for the standard input')
    .option('--skip-stored', 'leave pages alone that are stored already')
    .option('--concurrency <pages>', 'so many at once (default: 4)', positiveNumber)
    .option('--resume <file>', 'go on after Ctrl-C: leave out what the file names')
    .addHelpText('after', () => cli.fitted(EXAMPLES))
    .action(async (paths: readonly string[], options: PublishOptions, command: Command) => {
      if (paths.length === 0 && options.from === undefined && options.sitemap === undefined) {
        misused(command, 'name pages, or give --sitemap or --from');
      }
      const resume = await ResumeFile.open(options.resume, cli.terminal.cwd);
      const listed = options.from === undefined ? [] : await linesOf(options.from, cli.terminal.cwd);
      const work = async (site: Site) => {
        const all = [...paths, ...listed, ...(await sitemapPages(cli, site, options.sitemap))];
        await asNamed(() => targetPaths(all, site.options.hosts));
        const targets = resume.left(all, site.get(PageKeys), site.options.hosts);
        if (targets.length < all.length) cli.note(`${counted(all.length - targets.length, 'page')} done before.`);
        await publish(cli, command, site, targets, options, resume);
      };
      await cli.withSite(command, work, { renders: true, endsItself: true });
    });
}

async function sitemapPages(cli: Cli, site: Site, source: string | undefined): Promise<PageTarget[]> {
  if (source === undefined) return [];
  const read = await site.get(SitemapReader).read(source, LIMIT, cli.signal);
  for (const { location, error } of read.sitemaps) if (error !== undefined) problem(cli, `${location}: ${error}`);
  if (read.isTruncated) problem(cli, `There are more addresses than ${LIMIT}: the others are left out.`);
  const strange = read.foreign + read.invalid;
  if (strange > 0) cli.note(`${counted(strange, 'address', 'addresses')} of other sites, or none, left out.`);
  return [...read.pages];
}

function problem(cli: Cli, text: string): void {
  cli.note(text);
  cli.exitCode = ExitCode.PROBLEM;
}

async function publish(
  cli: Cli,
  command: Command,
  { pages }: Site,
  targets: readonly PageTarget[],
  { skipStored, concurrency }: PublishOptions,
  resume: ResumeFile,
): Promise<void> {
  const { json = false } = command.optsWithGlobals<GlobalOptions>();
  const view = progressView(cli, targets.length, json);
  const onProgress = (progress: PublishProgress) => {
    if (progress.result !== 'failed') resume.add(progress.path);
    view.update(progress);
  };
  const report = await pages
    .publishMany(targets, { skipStored, concurrency, signal: cli.signal, onProgress })
    .finally(() => view.end());
  cli.result(command, report, () => publishSummary(report, cli.style));
  if (report.failed.length > 0) cli.exitCode = ExitCode.PROBLEM;
  if (report.isComplete) return resume.remove();
  await resume.write();
  cli.exitCode = cli.signal.aborted ? ExitCode.INTERRUPTED : ExitCode.PROBLEM;
  cli.note(`Not complete. Go on with the same command and --resume ${resume.name}`);
}

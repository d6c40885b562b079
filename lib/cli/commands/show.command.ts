import { gunzipSync } from 'node:zlib';
import type { Command } from 'commander';
import type { Page } from '../../page/page.js';
import { PageKeys } from '../../page/page-key.js';
import { targetPath } from '../../purging/purge-target.js';
import { PageStorage } from '../../stores/page-storage.js';
import type { Cli } from '../cli.js';
import { CliError } from '../cli.error.js';
import { ExitCode } from '../exit-code.js';
import type { Site } from '../open-site.js';
import { asNamed } from '../page-filter.js';

/** A stored page and the string under which nginx finds it. */
interface Shown {
  readonly key: string;
  readonly page: Page;
}

const EXAMPLES = `
Examples:
  nginx-cache show /posts/1                    head and body
  nginx-cache show --head '/posts?page=2'      the head alone
  nginx-cache show https://example.com/        the page of one of several hosts`;

/** `nginx-cache show`: one stored page. */
export function addShowCommand(program: Command, cli: Cli): void {
  program
    .command('show')
    .description('Show a stored page: the head that was stored with it, and the body, unpacked.')
    .argument('<page>', 'a path with its query, or a URL')
    .option('--head', 'without the body')
    .addHelpText('after', EXAMPLES)
    .action(async (target: string, { head = false }: { head?: boolean }, command: Command) => {
      const found = await cli.withSite(command, (site) => stored(site, target));
      const [first] = found;
      if (!first) {
        throw new CliError(`${target} is not stored`, 'See what is: nginx-cache ls.', ExitCode.PROBLEM);
      }
      cli.result(command, found.map(asJson), () => asText(first, head));
      if (found.length > 1)
        cli.note(`There are ${found.length}, one for each host or variant: --json shows all of them.`);
    });
}

/** In every variant, and on every host unless the target names one. */
async function stored(site: Site, target: string): Promise<Shown[]> {
  const [meant] = await asNamed(() => targetPath(target, site.options.hosts));
  if (!meant) return [];
  const storage = site.get(PageStorage);
  const found: Shown[] = [];
  for (const { key } of site.get(PageKeys).ofPath(meant.path, meant.host, meant.query)) {
    const page = await storage.lookUp(key);
    if (page) found.push({ key: storage.serverKey(key), page });
  }
  return found;
}

function bodyOf({ body, contentEncoding }: Page): Buffer {
  return contentEncoding === 'gzip' ? gunzipSync(body) : body;
}

function asText({ key, page }: Shown, isHeadOnly: boolean): string {
  const head = [
    `# ${key}`,
    `HTTP/1.1 ${page.status}`,
    ...page.headers.map(([name, value]) => `${name}: ${value}`),
    ...(page.contentEncoding === undefined ? [] : [`# stored as ${page.contentEncoding}, ${page.body.length} bytes`]),
    ...(page.tags?.length ? [`# tags: ${page.tags.join(' ')}`] : []),
  ].join('\n');
  return isHeadOnly ? head : `${head}\n\n${bodyOf(page).toString()}`;
}

function asJson({ key, page }: Shown): object {
  const { status, headers, contentEncoding, tags, body } = page;
  const text = bodyOf(page).toString();
  return { key, status, headers, contentEncoding, tags, bytes: body.length, body: text };
}

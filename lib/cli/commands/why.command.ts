import type { IncomingHttpHeaders } from 'node:http';
import { type Command, InvalidArgumentError } from 'commander';
import type { KeptPage } from '../../operations/why/stored-at.js';
import { type Why, why } from '../../operations/why/why.js';
import type { Cli } from '../cli.js';
import { ExitCode } from '../exit-code.js';
import { hostFor, urlArgument } from '../page-url.js';
import type { Style } from '../terminal.js';
import { counted, inTimeUnits } from '../units.js';
import { wrapped } from '../wrapped.js';

interface WhyOptions {
  readonly header: IncomingHttpHeaders;
}

const EXAMPLES = `
Examples:
  nginx-cache why https://example.com/posts/1
  nginx-cache why https://example.com/posts/1 -H 'Cookie: theme=dark'     as a browser asks for it
  nginx-cache why http://127.0.0.1:8080/posts/1 -H 'Host: example.com'    nginx by its address`;

/** `nginx-cache why`: why an address is cached, or not, and what would make it a page. */
export function addWhyCommand(program: Command, cli: Cli): void {
  program
    .command('why')
    .description('Say why an address is not cached, and what would make it a page. It asks the running site.')
    .argument('<url>', 'an address of the running site', urlArgument)
    .option('-H, --header <field>', "a field of the request, like curl's; repeat it for more", addField, {})
    .addHelpText('after', () => cli.fitted(EXAMPLES))
    .action(async (url: URL, { header }: WhyOptions, command: Command) => {
      const explained = await cli.withSite(command, (site) =>
        why(site, url, { ...header, host: header.host ?? hostFor(url, site.options) ?? url.host }, cli.signal),
      );
      if (!explained.isPage) cli.exitCode = ExitCode.PROBLEM;
      cli.result(command, { url: url.href, ...explained }, () => shown(url, explained, cli.style, cli.width));
    });
}

/** The width of the column of names, with the spaces around it. */
const NAMES = 14;

function shown(url: URL, explained: Why, style: Style, width: number): string {
  const { isPage, outcome, why: reason, cure, nginx, rule, key, answers, stored } = explained;
  const target = url.pathname + url.search;
  const title = isPage
    ? style('green', `${target} is cached (${outcome})`)
    : style('red', `${target} is not cached: ${outcome === 'stored' ? 'never a hit' : outcome}`);
  const rows: [name: string, text: string][] = [
    ...(reason === undefined ? [] : [['why', reason] as [string, string]]),
    ...(cure === undefined ? [] : [['what to do', cure] as [string, string]]),
    ['nginx', nginx],
    ...(rule?.sees ?? []).map((seen): [string, string] => ['', `by ${seen}`]),
    ...answers.map(({ status, cacheStatus, isBroken }, index): [string, string] => [
      index === 0 ? 'answer' : '',
      `${status}, Cache-Status: ${cacheStatus || 'none'}${isBroken ? ', broken off' : ''}`,
    ]),
    ['key', key],
    ['stored', storedText(stored)],
  ];
  const lines = rows.flatMap(([name, text]) =>
    wrapped(text, width - NAMES).map((line, index) => `  ${index === 0 ? name : ''}`.padEnd(NAMES) + line),
  );
  return [style('bold', title), ...lines].join('\n');
}

function storedText({ isStored, bytes, since, until, isEndless }: KeptPage): string {
  if (isStored === undefined) return 'the store does not answer';
  if (!isStored) return 'nothing';
  const now = Date.now();
  return [
    counted(bytes ?? 0, 'byte'),
    ...(since === undefined ? [] : [`since ${since} (${inTimeUnits(now - Date.parse(since))} ago)`]),
    ...(until === undefined ? [] : [`until ${until} (in ${inTimeUnits(Date.parse(until) - now)})`]),
    ...(isEndless ? ['until it is purged'] : []),
    ...(isEndless === undefined ? ['and this store does not tell since when and until when'] : []),
    ...(since === undefined && isEndless !== undefined
      ? ['somebody has read it, so memcached has forgotten since when']
      : []),
  ].join(', ');
}

function addField(given: string, before: IncomingHttpHeaders): IncomingHttpHeaders {
  const [, name = '', value = ''] = /^([\w!#$%&'*+.^`|~-]+):[ \t]*(.*?)[ \t]*$/.exec(given) ?? [];
  if (name === '') throw new InvalidArgumentError("It must be a field, as in -H 'Cookie: a=b'.");
  return { ...before, [name.toLowerCase()]: value };
}

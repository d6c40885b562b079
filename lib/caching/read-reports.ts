import { type ExecutionContext, Injectable, Logger } from '@nestjs/common';
import { EVERY_FIELD, type RequestInputs } from '../inputs/request-inputs.js';
import { IS_BUNDLED } from '../inputs/reader.js';
import type { PageAddress } from '../page/page-key.js';

/** How many inputs are reported: an application may read fields by names that it gets from its visitors. */
const MAX_REPORTS = 100;

/** How the error begins when a proxy is cloned in V8. */
const CLONE = /^#<Object> could not be cloned/;

/** Readers are recognised by their files. */
const IN_BUNDLE = IS_BUNDLED
  ? ' In a bundle, libraries that do no harm are recognised by its source map: start Node with --enable-source-maps.'
  : '';

/** Refuses pages that were made from something outside their key, and says once for each such input what to do about it. */
@Injectable()
export class ReadReports {
  readonly #logger = new Logger('PageCache');
  readonly #reported = new Set<string>();
  #hasReportedClone = false;

  /** Why a read before the handler keeps the page from being stored. */
  reasonNotToRender(inputs: RequestInputs, address: PageAddress, context: ExecutionContext): string | undefined {
    // It is not known yet whether the response will show the field.
    return this.reason(inputs, address, context, () => true);
  }

  /**
   * Why a page must not be stored.
   *
   * @param shows whether the response has a field
   */
  reason(
    inputs: RequestInputs,
    address: PageAddress,
    context: ExecutionContext,
    shows: (field: string) => boolean,
  ): string | undefined {
    const all = inputs.dangerous(shows);
    // Code that copies an object also asks it for single fields.
    const every = all.filter(([name]) => name === EVERY_FIELD);
    const reads = every.length > 0 ? every : all;
    for (const [name, { place }] of reads) this.report(name, place, address, context);
    const [first] = reads;
    return first && `reads-${first[0].replace(/^:/, '')}`;
  }

  /** Observed fields cannot be cloned. Code that tries gets an exception that does not tell why. */
  reportClone(error: unknown, context: ExecutionContext): void {
    if (this.#hasReportedClone || !(error instanceof Error) || !CLONE.test(error.message)) return;
    this.#hasReportedClone = true;
    this.#logger.error(
      `${handlerOf(context)} has cloned something that cannot be cloned. If that is request.headers: while a page is made, its fields are ` +
        'observed, and structuredClone() does not take them. Clone { ...request.headers }, or let nginx and the application pass on ' +
        "only what is in the key: requestFields: { pass: 'key' }, or name the path in exclude. (Reported once; docs/security.md)",
    );
  }

  private report(name: string, place: string, { target }: PageAddress, context: ExecutionContext): void {
    if (this.#reported.has(name) || this.#reported.size >= MAX_REPORTS) return;
    this.#reported.add(name);
    this.#logger.warn(
      `The page ${target} of ${handlerOf(context)} is not stored: ${read(name)} at ${place}, and that is not part of its key, so ` +
        `others might get a page that was made from it. ${advice(name)}${IN_BUNDLE} (Reported once for each field; docs/security.md)`,
    );
  }
}

function handlerOf(context: ExecutionContext): string {
  return `${context.getClass().name}.${context.getHandler().name}()`;
}

function read(name: string): string {
  if (name === EVERY_FIELD) return 'all request fields are copied or listed';
  return `${name.startsWith(':') ? `the ${name.slice(1).replace('-', ' ')} of the visitor` : `the request field ${name}`} is read`;
}

function advice(name: string): string {
  if (name === EVERY_FIELD) {
    return "Read single fields, or let nginx and the application pass on only what is in the key: requestFields: { pass: 'key' }.";
  }
  const ignore = `If it makes no difference to the page: requestFields: { ignore: ['${name}'] }.`;
  if (name.startsWith(':')) return `${ignore} Else keep the page out of the cache with @NoPageCache().`;
  if (name === 'host' || name === 'x-forwarded-host') {
    return "Put the host into the key: hosts: ['example.com']. If the address of the site has a port, set origin to it.";
  }
  return (
    `If who sends it is to be kept away from the cache: requestFields: { bypass: ['${name}'] }. ` +
    `If its few values make different pages: variants: [{ header: '${name}', … }]. ${ignore}`
  );
}

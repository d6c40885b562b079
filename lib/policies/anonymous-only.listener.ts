import type { IncomingMessage } from 'node:http';
import { Inject, Injectable } from '@nestjs/common';
import { OnPageCache } from '../events/on-page-cache.decorator.js';
import { PageRequested, PageResponding } from '../events/page-cache.events.js';
import type { CheckedOptions } from '../options/checked-options.js';
import { PAGE_CACHE_OPTIONS } from '../options/tokens.js';
import { RuleSet } from '../rules/rule-set.js';

/** What guards and middleware leave on a request about the visitor who made it. */
type WithVisitor = IncomingMessage & { user?: unknown; session?: object | null };

/** `anonymousOnly`: a page made for one visitor is not stored, and nobody with a session gets a stored one. */
@Injectable()
export class AnonymousOnlyListener {
  readonly #rules: RuleSet;

  constructor(@Inject(PAGE_CACHE_OPTIONS) private readonly options: CheckedOptions) {
    this.#rules = new RuleSet(options.rules.anonymous);
  }

  @OnPageCache(PageRequested)
  onRequested(event: PageRequested): void {
    const reason = this.#rules.reasonToBypass(event.head);
    if (reason !== undefined) event.bypass(reason);
  }

  /** Asked again when the handler has run: only then is it known who the visitor was taken for. */
  @OnPageCache(PageResponding)
  onResponding(event: PageResponding): void {
    if (!this.options.anonymousOnly) return;
    // Guards leave it on the framework's request, middleware on Node's: on Fastify these are two objects.
    const requests: WithVisitor[] = [event.request, event.context.switchToHttp().getRequest<WithVisitor>()];
    const { isAnonymous } = this.options;
    if (requests.some(({ user }) => user !== undefined && user !== null)) event.skip('user');
    else if (requests.some(({ session }) => hasContent(session))) event.skip('session');
    // Nothing but `true`: a promise is truthy, too.
    else if (isAnonymous && isAnonymous(event.request) !== true) event.skip('not-anonymous');
  }
}

/** express-session and its kin keep the settings of their cookie in the session, and give one to everybody. */
function hasContent(session: object | null | undefined): boolean {
  return Object.keys(session ?? {}).some((key) => key !== 'cookie');
}

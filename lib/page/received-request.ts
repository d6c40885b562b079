import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { RequestHead } from '../rules/request-head.js';
import { allRules, type RequestRules } from '../rules/request-rules.js';
import type { Rule } from '../rules/rule.js';
import { RuleSet } from '../rules/rule-set.js';
import { isFragmentPath } from './fragment-paths.js';
import type { PageAddress, PageKeys } from './page-key.js';

/** A request as it arrived, and what follows from that. */
export interface ReceivedRequest {
  readonly head: RequestHead;
  /** The page that it asks for. */
  readonly address: PageAddress;
  /** The first rule that keeps it away from the cache. */
  readonly rule: Rule | undefined;
  /**
   * Why the request may get no pages but shared ones: its cookies or credentials. `undefined` for a request for any other page. It may get a shared
   * page, but no page may be made from it.
   */
  readonly personal: string | undefined;
}

/** A visitor who asks for a fragment directly gets none, and makes no page. */
const OF_FRAGMENTS: Rule = { reason: 'fragment', bypassWhen: 'one matches', tests: [] };

const RECEIVED = Symbol('nestjs-nginx-cache: as it was received');
type Received = IncomingMessage & { [RECEIVED]?: ReceivedRequest; originalUrl?: string };

/**
 * Looks at each request once, and remembers what it has seen. This should happen before any middleware: middleware may rewrite `request.url`, and
 * the fields may be observed later (inputs/page-inputs.ts).
 */
export class ReceivedRequests {
  readonly #rules: RuleSet;
  readonly #personal: RuleSet;

  constructor(
    rules: RequestRules,
    private readonly keys: PageKeys,
  ) {
    this.#rules = new RuleSet(allRules(rules));
    this.#personal = new RuleSet(rules.personal);
  }

  of(request: Received): ReceivedRequest {
    const known = request[RECEIVED];
    if (known) return known;
    const { method = '', url = '', originalUrl, headers } = request;
    const head = { method, target: originalUrl ?? url, headers };
    const address = this.keys.of(head);
    const rule = isFragmentPath(address.path) ? OF_FRAGMENTS : this.#rules.first(head);
    // If the path were not shared, `rule` would be one of these.
    const personal = rule ? undefined : this.#personal.first(head)?.reason;
    return note(request, { head, address, rule, personal });
  }

  /** Notes that the module itself asks for a fragment that is the same for everybody. No rule applies to its address. */
  ofFragment(request: Received, address: PageAddress): void {
    const { method = '', headers } = request;
    note(request, {
      head: { method, target: address.target, headers },
      address,
      rule: undefined,
      personal: undefined,
    });
  }
}

function note(request: Received, received: ReceivedRequest): ReceivedRequest {
  Object.defineProperty(request, RECEIVED, { value: received });
  return received;
}

/** The fields of a request as they were sent. `request.headers` may be observed: reading it there is a reason not to store the page. */
export function receivedFields(request: IncomingMessage): IncomingHttpHeaders {
  return (request as Received)[RECEIVED]?.head.headers ?? request.headers;
}

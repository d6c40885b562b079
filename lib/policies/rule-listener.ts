import { OnPageCache } from '../events/on-page-cache.decorator.js';
import { PageRequested, RequestArrived } from '../events/decisions.events.js';
import type { ReceivedRequests } from '../page/received-request.js';
import type { Rule } from '../rules/rule.js';

/** Decides by the same rules as nginx: a request that meets one neither gets a stored page nor makes one. */
export abstract class RuleListener {
  /**
   * @param received tells which rule a request meets first
   * @param rules the rules that this listener deals with
   */
  constructor(
    private readonly received: ReceivedRequests,
    private readonly rules: readonly Rule[],
  ) {}

  @OnPageCache(PageRequested)
  @OnPageCache(RequestArrived)
  onRequested(event: RequestArrived): void {
    const { rule } = this.received.of(event.request);
    if (rule && this.rules.includes(rule)) event.bypass(rule.reason);
  }
}

import type { IncomingMessage } from 'node:http';
import type { HandlerPlan } from './handler-plans.js';

const firstPlans = new WeakMap<IncomingMessage, HandlerPlan>();

/**
 * Whether another handler has had the request and has handed it on with `next()` (Express). Each of them has guards, tags and options of its own, and a
 * guard of the first one has decided who gets to the second.
 *
 * @param plan that of the handler which has the request now
 */
export function isHandedOn(request: IncomingMessage, plan: HandlerPlan): boolean {
  const first = firstPlans.get(request);
  if (!first) firstPlans.set(request, plan);
  return first !== undefined && first !== plan;
}

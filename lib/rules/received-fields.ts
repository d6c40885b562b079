import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';

const SENT = Symbol('nestjs-nginx-cache: fields as they were sent');
type Observed = IncomingMessage & { [SENT]?: IncomingHttpHeaders };

/** The fields of a request as they were sent. `request.headers` may be observed: reading it there is a reason not to store the page. */
export function receivedFields(request: IncomingMessage): IncomingHttpHeaders {
  return (request as Observed)[SENT] ?? request.headers;
}

/** Keeps them, before something else comes in their place. */
export function keepReceivedFields(request: IncomingMessage, fields: IncomingHttpHeaders): void {
  Object.defineProperty(request, SENT, { value: fields });
}

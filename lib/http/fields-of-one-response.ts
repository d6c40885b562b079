/** Fields that identify one exchange in logs and traces, or tell how long it took, or how many requests its visitor has left. */
const NAMES =
  /^(?:(?:x-)?(?:request|correlation|trace|transaction)-?id|x-amzn-(?:requestid|trace-id)|x-cloud-trace-context|x-b3-.+|traceparent|tracestate|traceresponse|server-timing|x-cache|x-response-time|x-runtime|(?:x-)?rate-?limit(?:-.+)?)$/i;

/** Whether a field describes the one response that it comes with, and not the page. */
export function isOfOneResponse(name: string): boolean {
  return NAMES.test(name);
}

import { type CacheStatus, parseCacheStatus } from '../http/cache-status-field.js';

/** `nginx hit`, `hit`, `stale copy`, `stored`, `collapsed`, the `detail`, or `no Cache-Status`. */
export function outcomeOf(field: string): string {
  if (field === '') return 'no Cache-Status';
  let said: CacheStatus | undefined;
  try {
    // Caches farther out add their own words.
    said = parseCacheStatus(field).find(({ cache }) => cache === 'nginx' || cache === 'nestjs-nginx-cache');
  } catch {
    return 'malformed Cache-Status';
  }
  if (!said) return 'no Cache-Status';
  const { cache, parameters } = said;
  if (parameters.get('fwd') === 'stale' || parameters.get('detail') === 'stale-while-revalidate') return 'stale copy';
  if (parameters.has('hit')) return cache === 'nginx' ? 'nginx hit' : 'hit';
  if (parameters.has('stored')) return 'stored';
  if (parameters.has('collapsed')) return 'collapsed';
  return String(parameters.get('detail') ?? parameters.get('fwd') ?? 'no Cache-Status');
}

export function isHit(outcome: string): boolean {
  return outcome === 'nginx hit' || outcome === 'hit';
}

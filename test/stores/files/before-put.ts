/** By the end of a place, what happens before something is put there for the next time; see `hookedPut`. */
export const beforePut = new Map<string, () => Promise<unknown>>();

/**
 * For one process to be overtaken by another at a certain point:
 * `vi.mock('../../../lib/stores/files/put.js', async (original) => (await import('./before-put.js')).hookedPut(original))`.
 */
export async function hookedPut(original: () => Promise<unknown>) {
  const actual = (await original()) as typeof import('../../../lib/stores/files/put.js');
  const put: typeof actual.put = async (operation, from, to) => {
    for (const [end, run] of beforePut) {
      if (!to.endsWith(end)) continue;
      beforePut.delete(end);
      await run();
    }
    return actual.put(operation, from, to);
  };
  return { put };
}

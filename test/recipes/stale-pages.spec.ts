import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { startRecipe } from './support/recipe-application.js';

let recipe: Awaited<ReturnType<typeof startRecipe>>;
beforeAll(async () => {
  recipe = await startRecipe();
});
afterAll(() => recipe?.close());

it('purges at once outside of any work', async () => {
  await recipe.stale.add(['/a'], ['b']);
  expect(recipe.purges.take()).toEqual(['/a', 'tag:b']);
  await recipe.stale.add([]);
  expect(recipe.purges.take()).toEqual([]);
});

it('purges after work that has succeeded, once', async () => {
  const { stale, purges } = recipe;
  const result = await stale.after(async () => {
    await stale.add(['/a']);
    await stale.after(() => stale.add(['/a', '/b'], ['c']));
    expect(purges.take()).toEqual([]);
    return 7;
  });
  expect(result).toBe(7);
  expect(purges.take()).toEqual(['/a', '/b', 'tag:c']);
});

it('purges nothing after work that has failed', async () => {
  const { stale, purges } = recipe;
  const work = stale.after(async () => {
    await stale.add(['/a']);
    throw new Error('no');
  });
  await expect(work).rejects.toThrow('no');
  expect(purges.take()).toEqual([]);
});

it('does not fail with a purge', async () => {
  const purge = vi.spyOn(recipe.pages, 'purge').mockRejectedValue(new Error('down'));
  await expect(recipe.stale.after(() => recipe.stale.add(['/a']))).resolves.toBeUndefined();
  purge.mockRestore();
});

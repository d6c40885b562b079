import fc from 'fast-check';

/** Of everything random in this file: another one in each run, unless the environment says `SEED=…`. */
export const SEED = seedOf(process.env['SEED']);

process.stdout.write(`seed ${SEED} (to repeat this: SEED=${SEED})\n`);
fc.configureGlobal({ seed: SEED });

/** fast-check, with the seed of this run. */
export { fc };

/** Numbers from 0 to 1, the same for the same seed (a linear congruential generator). */
export function generator(seed: number = SEED): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** fast-check takes 32 bits. */
function seedOf(given: string | undefined): number {
  const seed = Number(given ?? Date.now() % 2 ** 31);
  if (!Number.isSafeInteger(seed)) throw new Error(`SEED=${given} is not possible: it must be a whole number`);
  return seed | 0;
}

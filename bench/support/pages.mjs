// The pages that everything here serves: the same in each process and in each run.

/** In KB of 1000 bytes, before they are packed. */
export const SIZES = [4, 30, 200];

/** Of the many pages, in KB. */
const SIZE_OF_MANY = 30;

/** Park and Miller's generator of random numbers, so that all processes make the same text. */
function generator(seed) {
  let state = seed;
  return () => (state = (state * 48_271) % 2_147_483_647);
}

const random = generator(1);
const words = Array.from({ length: 2000 }, () => random().toString(36));
const text = Array.from({ length: 100_000 }, () => words[random() % words.length]).join(' ');

/** Text that packs to about a third. The long text is cut first: to copy all of it would take longer than to serve a page. */
function page(title, kilobytes) {
  const head = `<!doctype html><title>${title}</title><h1>${title}</h1><p>`;
  return head + text.slice(0, kilobytes * 1000 - head.length);
}

const ofSize = new Map(SIZES.map((kilobytes) => [kilobytes, page(`A page of ${kilobytes} KB`, kilobytes)]));

/** Of the small ones, in KB. */
const SIZE_OF_SMALL = 1;

/**
 * @param {string} path `/size/30`, `/post/17` of the many, `/small/17` of the many small ones
 * @param {number} version how often it has been changed
 * @returns {string | undefined}
 */
export function pageAt(path, version = 0) {
  const [, kind, number] = path.split('/');
  if (kind === 'small') return page(`Small ${number}`, SIZE_OF_SMALL);
  if (kind === 'size') return ofSize.get(Number(number)) ?? page(`A page of ${number} KB`, Number(number));
  return kind === 'post' ? page(`Post ${number}, version ${version}`, SIZE_OF_MANY) : undefined;
}

/**
 * Numbers of pages as visitors ask for them: the n-th most popular one a 1/n-th as often as the first (Zipf's law).
 *
 * @param {number} pages how many there are
 * @param {number} length how many numbers
 */
export function popularity(pages, length) {
  const next = generator(2);
  const sums = [];
  for (let rank = 1; rank <= pages; rank += 1) sums.push((sums.at(-1) ?? 0) + 1 / rank);
  const pick = () => {
    const wanted = (next() / 2_147_483_647) * sums.at(-1);
    let [low, high] = [0, pages - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (sums[middle] < wanted) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  return Array.from({ length }, pick);
}

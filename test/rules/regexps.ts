import { fc } from '../support/random.js';

const atom = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom(...Array.from('abcxyzAXZ019/_-=~;:,@!&%"<>`\'# ')) },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      '\\/',
      '\\.',
      '\\+',
      '\\*',
      '\\(',
      '\\)',
      '\\[',
      '\\]',
      '\\{',
      '\\}',
      '\\|',
      '\\^',
      '\\$',
      '\\\\',
      '\\?',
      '\\-',
    ),
  },
  { weight: 3, arbitrary: fc.constantFrom('.', '\\d', '\\w', '\\D', '\\W', '\\s', '\\S') },
  {
    weight: 4,
    arbitrary: fc.constantFrom(
      '[abc]',
      '[a-z]',
      '[^a-z]',
      '[^/]',
      '[\\d_-]',
      '[\\w.~-]',
      '[^\\d]',
      '[A-Za-z]',
      '[%+;]',
      '[^-]',
      '[\\]\\\\^]',
      '[.*+?]',
      '[[:alpha:]]',
      '[a-]',
      '[+--]',
    ),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      'ä',
      '日',
      '😀',
      '[ä]',
      '[^]',
      '[]',
      '\\u00e4',
      '\\x41',
      '\\x0a',
      '\\n',
      '\\t',
      '\\0',
      '\\cA',
      '[\\b]',
      '\\u{1F600}',
      '\\p{L}',
      '\\1',
      '\\k<a>',
      'ſ',
      '\u212a',
      '\\e',
      '\\Q',
      '\\h',
      '\\R',
      '\\A',
      '\\Z',
      '\\G',
      '\\K',
      '\\X',
    ),
  },
);
const quantifier = fc.constantFrom(
  '',
  '',
  '',
  '',
  '*',
  '+',
  '?',
  '*?',
  '+?',
  '??',
  '{2}',
  '{1,}',
  '{0,2}',
  '{1,3}?',
  '{,2}',
  '{1001}',
  '++',
  '{',
  '{a}',
);
const assertion = fc.constantFrom(
  '^',
  '$',
  '\\b',
  '\\B',
  '(?=a)',
  '(?!/b)',
  '(?=[^/]*x$)',
  '(?<=a)',
  '(?<!a)',
  '(?!.*b)',
);

const { alternation } = fc.letrec<{ alternation: string; sequence: string; item: string; group: string }>((tie) => ({
  alternation: fc.oneof(
    { weight: 4, arbitrary: tie('sequence') },
    { weight: 1, arbitrary: fc.tuple(tie('sequence'), tie('sequence')).map((both) => both.join('|')) },
  ),
  sequence: fc.array(tie('item'), { minLength: 0, maxLength: 5 }).map((items) => items.join('')),
  item: fc.oneof(
    { maxDepth: 3 },
    { weight: 9, arbitrary: fc.tuple(atom, quantifier).map((both) => both.join('')) },
    { weight: 1, arbitrary: assertion },
    { weight: 2, arbitrary: tie('group') },
  ),
  group: fc
    .tuple(fc.constantFrom('(', '(?:', '(?:', '(?:', '(?<a>', '(?i:', '(?>', '(?#'), tie('alternation'), quantifier)
    .map(([open, inner, repeat]) => `${open}${inner})${repeat}`),
}));

const flags = fc.constantFrom('', '', '', '', 'i', 'i', 'u', 'g', 's', 'd', 'iu', 'm', 'y');

/** Regular expressions of every kind that JavaScript has, and some that only PCRE has. */
export const regexp: fc.Arbitrary<RegExp> = fc
  .tuple(fc.constantFrom('', '', '^', '^/'), alternation, fc.constantFrom('', '', '$'), flags)
  .map(([start, source, end, flag]) => {
    try {
      return new RegExp(`${start}${source}${end}`, flag);
    } catch {
      return undefined;
    }
  })
  .filter((made) => made !== undefined);

const bytes = fc.constantFrom(
  ...Array.from('aabbcxyzAXZ019//_-=~;:,@!&%"<>`\'#. ?\\+*()[]{}|^$'),
  '\xc3\xa4',
  '\xc3',
  '\xff',
  '\xa0',
  '\x85',
  '\xe6\x97\xa5',
  '\xb5',
  '\xdf',
  '\xe0',
  '\xc0',
  'aa',
  'ax',
  '/b',
);

/** What they are tried on: strings of bytes, not empty, as a header field can hold them. */
export const subject = fc
  .tuple(fc.constantFrom('', '/'), fc.array(bytes, { minLength: 1, maxLength: 8 }))
  .map(([start, all]) => start + all.join(''))
  .filter((text) => text.trim() === text && !/^ | $/.test(text));

export const asciiSubject = subject.filter((text) => /^[\x21-\x7e]+$/.test(text) && !text.includes('?'));

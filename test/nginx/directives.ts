/** A directive as nginx reads it (ngx_conf_read_token in src/core/ngx_conf_file.c). */
export interface Directive {
  readonly words: string[];
  readonly block?: Directive[];
}

/** @throws Error where nginx would not get to the end */
export function directives(conf: string): Directive[] {
  let position = 0;

  function block(depth: number): Directive[] {
    const found: Directive[] = [];
    let words: string[] = [];
    for (;;) {
      while (/\s/.test(conf[position] ?? '')) position += 1;
      const char = conf[position];
      if (char === undefined || char === '}') {
        if (words.length > 0 || (char === undefined) !== (depth === 0))
          throw new Error(`unexpected end at ${position}`);
        position += 1;
        return found;
      }
      if (char === '#') {
        while (position < conf.length && conf[position] !== '\n') position += 1;
      } else if (char === ';' || char === '{') {
        position += 1;
        found.push(char === ';' ? { words } : { words, block: block(depth + 1) });
        words = [];
      } else {
        words.push(char === '"' || char === "'" ? quotedWord(char) : bareWord());
      }
    }
  }

  function quotedWord(quote: string): string {
    let word = '';
    for (position += 1; conf[position] !== quote; position += 1) {
      if (position >= conf.length) throw new Error('a quote is not closed');
      if (conf[position] === '\\') word += conf[position++];
      word += conf[position];
    }
    position += 1;
    if (!/[\s;{)]/.test(conf[position] ?? '')) throw new Error(`unexpected "${conf[position]}" behind a quote`);
    return word;
  }

  function bareWord(): string {
    let word = '';
    for (; !/[\s;{]/.test(conf[position] ?? ' '); position += 1) {
      if (conf[position] === '\\') word += conf[position++];
      // "${name}" is a variable, and no block.
      if (conf[position] === '$' && conf[position + 1] === '{') word += conf[position++];
      word += conf[position];
    }
    return word;
  }

  return block(0);
}

/** The shape: names of directives, how many words they have, what stands inside what. */
export function shape(tree: readonly Directive[]): unknown {
  return tree.map(({ words, block }) => [
    words[0]?.replace(/^~.*$/s, '~'),
    words.length,
    ...(block ? [shape(block)] : []),
  ]);
}

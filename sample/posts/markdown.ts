import { Marked } from 'marked';
import { slugOf } from './slug.js';

const marked = new Marked({
  renderer: {
    heading({ tokens, depth }) {
      const html = this.parser.parseInline(tokens);
      return `<h${depth} id="${slugOf(html.replace(/<[^>]+>/g, ''))}">${html}</h${depth}>\n`;
    },
    link({ href, tokens }) {
      // The guides link to files of the repository, which the blog does not serve.
      return isAddress(href) ? false : this.parser.parseInline(tokens);
    },
  },
});

/** @param markdown written by someone who may log in: HTML in it is kept */
export function htmlOf(markdown: string): string {
  return marked.parse(markdown, { async: false });
}

function isAddress(href: string): boolean {
  return /^(?:[a-z]+:|\/|#)/i.test(href);
}

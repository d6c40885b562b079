import sax, { type SAXParser } from 'sax';

/** An address that a sitemap names. */
export interface SitemapEntry {
  /** Whether it is the address of a page, or of another sitemap. */
  readonly kind: 'page' | 'sitemap';
  readonly location: string;
}

/** Sitemaps and their extensions have fewer than ten levels. A deeper file would only fill the memory. */
const MAX_DEPTH = 32;
/** The same for the attributes of one element. */
const MAX_ATTRIBUTES = 32;

/** The protocol allows addresses of fewer than 2,048 characters. Anything longer than this would only fill the memory. */
const MAX_LOCATION = 8192;

/** Where an address of each kind is found; namespace prefixes are left out. */
const PLACES: Readonly<Record<string, SitemapEntry['kind']>> = {
  'urlset/url/loc': 'page',
  'sitemapindex/sitemap/loc': 'sitemap',
};

/** Reads a sitemap piece by piece. */
export interface SitemapParser {
  /** @throws {Error} when it is malformed */
  write(text: string): SitemapEntry[];
  /** @throws {Error} when it is not complete */
  end(): SitemapEntry[];
}

/**
 * Reads a sitemap in XML. Entities that the file itself declares are errors, so none can grow.
 *
 * @see https://www.sitemaps.org/protocol.html
 * @see https://developers.google.com/search/docs/specialty/international/localized-versions#sitemap for `xhtml:link`
 */
export class XmlSitemapParser implements SitemapParser {
  readonly #parser: SAXParser = sax.parser(true);
  readonly #path: string[] = [];
  #attributes = 0;
  #kind: SitemapEntry['kind'] | undefined;
  #text = '';
  #found: SitemapEntry[] = [];

  constructor() {
    const parser = this.#parser;
    parser.onerror = (error) => {
      throw new Error(error.message.split('\n')[0]);
    };
    parser.onattribute = () => {
      this.#attributes += 1;
      if (this.#attributes > MAX_ATTRIBUTES) throw new Error(`more than ${MAX_ATTRIBUTES} attributes of an element`);
    };
    parser.onopentag = ({ name, attributes }) => this.open(name, attributes as Record<string, string>);
    parser.onclosetag = () => this.close();
    parser.ontext = (text) => this.read(text);
    parser.oncdata = (text) => this.read(text);
  }

  write(text: string): SitemapEntry[] {
    this.#parser.write(text);
    return this.taken();
  }

  end(): SitemapEntry[] {
    this.#parser.close();
    return this.taken();
  }

  private open(name: string, attributes: Readonly<Record<string, string>>): void {
    this.#attributes = 0;
    const local = localName(name);
    if (this.#path.push(local) > MAX_DEPTH) throw new Error(`more than ${MAX_DEPTH} levels`);
    const place = this.#path.join('/');
    if (this.#path.length === 1 && local !== 'urlset' && local !== 'sitemapindex') {
      throw new Error(`<${name}> is neither <urlset> nor <sitemapindex>`);
    }
    this.#kind = PLACES[place];
    this.#text = '';
    const { rel, hreflang, href } = attributes;
    const isAlternate = place === 'urlset/url/link' && rel === 'alternate' && hreflang !== undefined;
    if (isAlternate && href !== undefined) this.#found.push({ kind: 'page', location: href.trim() });
  }

  private read(text: string): void {
    if (this.#kind) this.#text += text;
    if (this.#text.length > MAX_LOCATION) throw new Error(`an address of more than ${MAX_LOCATION} characters`);
  }

  private close(): void {
    if (this.#kind) this.#found.push({ kind: this.#kind, location: this.#text.trim() });
    this.#kind = undefined;
    this.#path.pop();
  }

  private taken(): SitemapEntry[] {
    const found = this.#found;
    this.#found = [];
    return found;
  }
}

/** Reads a sitemap that is a list: one address per line. */
export class TextSitemapParser implements SitemapParser {
  #rest = '';

  write(text: string): SitemapEntry[] {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    if (this.#rest.length > MAX_LOCATION) throw new Error(`a line of more than ${MAX_LOCATION} characters`);
    return lines.flatMap(entryOfLine);
  }

  end(): SitemapEntry[] {
    return entryOfLine(this.#rest);
  }
}

function entryOfLine(line: string): SitemapEntry[] {
  const location = line.trim();
  return location === '' ? [] : [{ kind: 'page', location }];
}

function localName(name: string): string {
  return name.slice(name.indexOf(':') + 1);
}

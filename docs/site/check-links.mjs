// Fails where a link of the built site leads to no page, to no file or to no anchor.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('dist', import.meta.url));
const pages = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter(
  (name) => name.endsWith('.html') && name !== '404.html',
);
const texts = new Map(pages.map((name) => [name, readFileSync(join(root, name), 'utf8')]));
const decoded = (text) => decodeURIComponent(text.replaceAll('&amp;', '&'));
const anchors = new Map(
  Array.from(texts, ([name, text]) => [
    name,
    new Set(Array.from(text.matchAll(/ id="([^"]+)"/g), ([, id]) => decoded(id))),
  ]),
);

let links = 0;
const broken = [];
for (const [name, text] of texts) {
  for (const [, href] of text.matchAll(/<(?:a|img)\b[^>]* (?:href|src)="([^"]+)"/g)) {
    const { origin, pathname, hash } = new URL(decoded(href), `http://site/${name}`);
    if (origin !== 'http://site') continue;
    links += 1;
    const path = decodeURIComponent(pathname).slice(1);
    const page = [path, `${path}.html`, `${path}index.html`].find((one) => texts.has(one));
    const isThere = page
      ? hash.length < 2 || anchors.get(page).has(decodeURIComponent(hash.slice(1)))
      : existsSync(join(root, path));
    if (!isThere) broken.push(`${name}: ${href}`);
  }
}
for (const one of broken) console.error(`broken link in ${one}`);
console.log(`${texts.size} pages, ${links} links, ${broken.length} broken`);
process.exitCode = broken.length > 0 ? 1 : 0;

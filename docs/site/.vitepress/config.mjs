import { defineConfig } from 'vitepress';
import { anchorOf } from '../anchor-of.mjs';

const guides = (text, names) => ({
  text,
  collapsed: false,
  items: Object.entries(names).map(([name, title]) => ({ text: title, link: `/docs/${name}` })),
});

export default defineConfig({
  title: 'nestjs-nginx-cache',
  description: 'A page cache for NestJS whose pages nginx serves',
  // collect.mjs and typedoc write them.
  srcDir: 'pages',
  rewrites: { 'README.md': 'index.md' },
  outDir: 'dist',
  cacheDir: 'node_modules/.vitepress',
  markdown: {
    anchor: { slugify: anchorOf },
    config: (md) => md.core.ruler.push('unlink-files', unlinkFiles),
  },
  themeConfig: {
    outline: 'deep',
    search: { provider: 'local' },
    nav: [
      { text: 'Guides', link: '/docs/getting-started' },
      { text: 'API', link: '/api/' },
    ],
    sidebar: [
      { text: 'Introduction', link: '/' },
      guides('Use it', {
        'getting-started': 'Getting started',
        'what-is-cached': 'What is cached',
        purging: 'Purging',
        'warm-up': 'Warm-up',
        refreshing: 'Refreshing ahead',
        fragments: 'Fragments',
        listeners: 'Listeners',
        typeorm: 'TypeORM',
        recipes: 'Other ORMs and CDNs',
        testing: 'Testing',
        'beside-others': 'Beside other libraries',
        migrating: 'Migrating',
        troubleshooting: 'Troubleshooting',
      }),
      guides('Run it', {
        nginx: 'nginx',
        stores: 'Stores',
        files: 'Files',
        cluster: 'Several memcached servers',
        deploys: 'Deploys',
        availability: 'Availability',
        operations: 'The command nginx-cache',
        metrics: 'Metrics and health',
        performance: 'Performance',
        versions: 'Versions',
      }),
      guides('Understand it', {
        security: 'Security',
        invalidation: 'Why no stale page survives',
        architecture: 'How the code is arranged',
      }),
      { text: 'API reference', link: '/api/' },
      { text: 'Changes', link: '/CHANGELOG' },
    ],
  },
});

/** What is no page and no image is not part of the site: source code, JSON. Its name stays. */
function unlinkFiles({ tokens }) {
  for (const { children } of tokens) {
    let isUnlinked = false;
    for (const token of children ?? []) {
      if (token.type === 'link_open') {
        const [path] = (token.attrGet('href') ?? '').split('#');
        isUnlinked =
          !/^(?:https?:|mailto:)/.test(path) &&
          /\.(?!md$)\w+$|^(?:\.\.\/)?(?:sample|bench|lib|test)\/[^.]*$/.test(path);
        if (isUnlinked) token.tag = 'span';
        if (isUnlinked) token.attrs = null;
      } else if (token.type === 'link_close' && isUnlinked) {
        token.tag = 'span';
        isUnlinked = false;
      }
    }
  }
}

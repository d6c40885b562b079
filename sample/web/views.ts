import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { NestExpressApplication } from '@nestjs/platform-express';
import type { HelperOptions } from 'handlebars';
import hbs from 'hbs';
import { pageFragment } from 'nestjs-nginx-cache';

const views = join(import.meta.dirname, '../views');
const assets = join(import.meta.dirname, '../public');

/** Handlebars templates, and the stylesheet under an address that changes when it does. */
export function useViews(app: NestExpressApplication): void {
  const engine = hbs.create();
  engine.registerPartials(join(views, 'partials'));
  engine.registerHelper('isoDate', (date: Date) => date.toISOString());
  engine.registerHelper('day', (date: Date) => DAY.format(date));
  engine.registerHelper('time', (date: Date) => TIME.format(date));
  engine.registerHelper('count', (number: number, noun: string) => `${number} ${noun}${number === 1 ? '' : 's'}`);
  engine.registerHelper('encoded', (text: string) => encodeURIComponent(text));
  // {{#pageFragment "name" param=…}}what stands there when the fragment fails{{/pageFragment}}
  engine.registerHelper('pageFragment', function (this: object, name: string, { hash, fn }: HelperOptions) {
    return pageFragment(name, hash, { fallback: fn(this) });
  });
  app.engine('hbs', engine.__express);
  app.setViewEngine('hbs');
  app.setBaseViewsDir(views);
  app.setLocal('stylesheet', `/assets/style.css?v=${fingerprint(join(assets, 'style.css'))}`);
  app.useStaticAssets(assets, { prefix: '/assets', maxAge: '1y', immutable: true });
}

const DAY = new Intl.DateTimeFormat('en', { dateStyle: 'long', timeZone: 'UTC' });
const TIME = new Intl.DateTimeFormat('en-GB', { timeStyle: 'medium', timeZone: 'UTC' });

function fingerprint(file: string): string {
  return createHash('sha256').update(readFileSync(file)).digest('hex').slice(0, 8);
}

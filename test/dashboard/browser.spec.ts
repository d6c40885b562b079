import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PageCacheDashboardModule } from '../../lib/dashboard/index.js';
import { type Site, startSite } from '../support/site.js';
import { chromiumPath } from './support/chromium.js';
import { type DashboardSite, startDashboardSite } from './support/dashboard-site.js';
import { ATTACK, DashboardPagesController } from './support/pages.controller.js';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
/** As browsers send it. */
const ATTACK_PATH = new URL(`http://localhost/posts/${ATTACK}`).pathname;

// oxlint-disable-next-line no-console -- whoever reads the report shall know what was left out, and why
if (!chromiumPath) console.warn('No Chromium is installed: the dashboard is not tested in a browser.');

const VIEWS = {
  activity: '.figures',
  pages: 'tbody td.number',
  'why?target=/basket': '.verdict',
  store: 'tbody td.number',
} as const;

describe.skipIf(!chromiumPath)('the dashboard in a browser', () => {
  let started: DashboardSite;
  let browser: Browser;
  let page: Page;
  /** Violations of the policy, errors, dialogs, and requests to anybody else. */
  const problems: string[] = [];

  beforeAll(async () => {
    started = await startDashboardSite();
    browser = await chromium.launch({ executablePath: chromiumPath!, args: ['--no-sandbox'] });
    await started.visit('/posts/1', '/posts/2', '/posts/3', ATTACK_PATH, '/basket', '/basket');
    page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
    page.on('pageerror', ({ message }) => problems.push(message));
    page.on('dialog', (dialog) => (problems.push(`alert ${dialog.message()}`), void dialog.dismiss()));
    page.on('console', (message) => {
      if (message.type() === 'error') problems.push(message.text());
    });
    page.on('request', (request) => {
      if (!request.url().startsWith(`${started.dashboard.origin}/`)) problems.push(request.url());
    });
    await page.goto(started.dashboard.url);
    await page.waitForSelector('#view .card');
    // The policy lets nobody add a script to the page: this is none of it.
    await page.evaluate(axe);
  });

  afterAll(async () => {
    await browser?.close();
    await started?.[Symbol.asyncDispose]();
  });

  async function show(view: keyof typeof VIEWS): Promise<void> {
    await page.evaluate(`location.hash = '#${view}'`);
    await page.waitForSelector(VIEWS[view]);
  }

  it.each(Object.keys(VIEWS) as (keyof typeof VIEWS)[])('axe finds nothing wrong with %s', async (view) => {
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      await show(view);
      expect(await violations()).toEqual([]);
    }
  });

  it('shows markup of an address, a tag and a body as text', async () => {
    await show('pages');
    expect(await page.textContent('tbody')).toContain(ATTACK);
    await page.getByRole('button', { name: ATTACK_PATH }).click();
    await page.waitForSelector('dialog pre');
    expect(await page.textContent('dialog pre')).toContain('<script>alert(2)</script>');
    expect(await violations()).toEqual([]);
    await page.keyboard.press('Escape');
    await page.fill('#search', ATTACK);
    await page.waitForSelector('td.empty');
    await page.fill('#search', '');
    expect(await page.locator('#view img, #view script, dialog img').count()).toBe(0);
  });

  it('finds and purges pages by the keyboard alone', async () => {
    await show('pages');
    await page.focus('#search');
    await page.keyboard.type('posts/2');
    await expect.poll(() => page.locator('tbody tr').count()).toBe(1);
    await page.focus('tbody button.address');
    await page.keyboard.press('Enter');
    await page.waitForSelector('dialog[open] dl');
    await page.focus('dialog button.danger');
    await page.keyboard.press('Enter');
    await page.waitForSelector('text=1 page purged.');
    await page.waitForSelector('td.empty');
    expect(await stored('/posts/2')).toBe(0);
    await show('store');
    await expect.poll(() => page.textContent('#view')).toMatch(/Journal of purges.*\/posts\/2/s);
  });

  it('asks before a whole subtree goes, and lets it be', async () => {
    await show('store');
    await page.click('text=Purge');
    await page.waitForSelector('#confirm[open]');
    expect(await violations()).toEqual([]);
    await page.click('#confirm button[value=no]');
    await page.waitForSelector('#confirm', { state: 'hidden' });
    expect(await stored('/posts/1')).toBe(1);
  });

  it('shows requests as they come, and leads from one to the reason', async () => {
    await show('activity');
    const requests = async () => /of ([\d,]+) request/.exec((await page.textContent('.figures'))!)![1];
    const before = await requests();
    await started.visit('/posts/1');
    await expect.poll(requests).not.toBe(before);
    await page.click('text=/basket');
    await page.waitForSelector('.verdict');
    expect(await page.textContent('#view')).toContain('the response sets a cookie');
  });

  it('no script, style, policy or address was refused in all of that', () => {
    expect(problems).toEqual([]);
  });

  it('keeps the token out of the address, and asks for it where there is none', async () => {
    expect(page.url()).not.toContain(started.dashboard.token);
    await page.evaluate('sessionStorage.clear()');
    await page.reload();
    await page.fill('#token', 'wrong');
    const isRefused = page.waitForResponse((response) => response.status() === 401);
    await page.keyboard.press('Enter');
    await isRefused;
    await page.waitForSelector('#sign-in:not([hidden])');
    await page.evaluate(axe);
    expect(await violations()).toEqual([]);
    await page.fill('#token', started.dashboard.token);
    await page.keyboard.press('Enter');
    await page.waitForSelector('#view .card');
  });

  async function stored(target: string): Promise<number> {
    const { body } = await started.dashboard.ask(`GET /api/page?target=${target}`);
    return (JSON.parse(body.toString()) as { stored: unknown[] }).stored.length;
  }

  async function violations(): Promise<string[]> {
    return page.evaluate(async () => {
      const { axe: here } = globalThis as unknown as {
        axe: { run(): Promise<{ violations: { id: string; nodes: { html: string; failureSummary: string }[] }[] }> };
      };
      const { violations: found } = await here.run();
      return found.flatMap(({ id, nodes }) =>
        nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary}`),
      );
    });
  }
});

describe.skipIf(!chromiumPath)('a click in the dashboard of the running application', () => {
  const token = 'a-token-of-the-tests';
  let site: Site;
  let browser: Browser;
  let page: Page;

  beforeAll(async () => {
    site = await startSite({
      platform: 'express',
      controllers: [DashboardPagesController],
      imports: [PageCacheDashboardModule.forRoot({ token })],
    });
    browser = await chromium.launch({ executablePath: chromiumPath!, args: ['--no-sandbox'] });
    page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
    await page.goto(`http://${site.address}/page-cache/#token=${token}`);
    await page.waitForSelector('#view .card');
    await page.click('nav >> text=Pages');
  });

  afterAll(async () => {
    await browser?.close();
    await site?.stop();
  });

  async function publish(target: string): Promise<void> {
    await page.getByRole('button', { name: 'Publish a page' }).click();
    await page.getByLabel('Path or URL').fill(target);
    await page.locator('#panel').getByRole('button', { name: 'Publish' }).click();
  }

  it('publishes a page that nobody has visited, and says so', async () => {
    await page.waitForSelector('td.empty');
    await publish('/posts/7');
    await page.waitForSelector('#toast.shown >> text=1 page published.');
    await page.getByRole('button', { name: '/posts/7', exact: true }).waitFor();
    const { status, body } = await site.get('/posts/7');
    expect(status).toBe('nginx; hit');
    expect(body.toString()).toContain('<h1>7</h1>');
  });

  it('publishes a stored page again', async () => {
    const answer = page.waitForResponse((response) => response.url().includes('api/publish'));
    await page.getByRole('button', { name: '/posts/7', exact: true }).click();
    await page.getByRole('button', { name: 'Publish again' }).click();
    expect(await (await answer).json()).toMatchObject({ published: ['/posts/7'] });
  });

  it('says why a page is not stored', async () => {
    await publish('/basket');
    await page.waitForSelector('#toast.shown >> text=Not stored: /basket (set-cookie)');
    expect(await page.textContent('tbody')).not.toContain('/basket');
  });

  it('purges the selected pages, and says so', async () => {
    await publish('/posts/8');
    await page.getByRole('button', { name: '/posts/8', exact: true }).waitFor();
    for (const path of ['/posts/7', '/posts/8']) await page.getByLabel(`Select ${path}`).check();
    await page.getByRole('button', { name: 'Purge selected' }).click();
    await page.waitForSelector('#toast.shown >> text=2 pages purged.');
    await page.waitForSelector('td.empty');
    expect((await site.get('/posts/7')).status).toContain('fwd=miss');
    await site.log.outcome('/posts/7');
  });

  it('purges a page and all below it, after a question', async () => {
    await page.getByRole('button', { name: 'Purge pages' }).click();
    await page.getByLabel('Path, URL or tag').fill('/posts/*');
    await page.locator('#panel').getByRole('button', { name: 'Purge' }).click();
    await page.locator('#confirm').getByRole('button', { name: 'Purge' }).click();
    await page.waitForSelector('#toast.shown >> text=1 page purged.');
    await expect.poll(() => site.memcached.keys()).toEqual([]);
  });
});

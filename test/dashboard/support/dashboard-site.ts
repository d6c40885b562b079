import { type Site, startSite } from '../../support/site.js';
import { directoryWith } from '../../cli/support/run-command.js';
import { openDashboard, type OpenDashboard } from './open-dashboard.js';
import { DashboardPagesController } from './pages.controller.js';

/** A site, and its dashboard. */
export interface DashboardSite extends AsyncDisposable {
  readonly site: Site;
  readonly dashboard: OpenDashboard;
  /** Stores pages, as visitors would. */
  visit(...targets: string[]): Promise<void>;
}

export async function startDashboardSite(): Promise<DashboardSite> {
  const site = await startSite({ platform: 'express', controllers: [DashboardPagesController] });
  const directory = directoryWith({
    'nginx-cache.config.mjs': `import { memcachedStore } from 'nestjs-nginx-cache';
      export const deployment = { listen: ${site.nginx.port}, directory: ${JSON.stringify(site.nginx.directory)} };
      export default { hosts: 'any', store: memcachedStore({ servers: '${site.memcached.address}' }) };`,
  });
  const dashboard = await openDashboard([], directory.path);
  return {
    site,
    dashboard,
    visit: async (...targets) => {
      for (const target of targets) {
        site.log.outcomes.delete(target);
        const { status } = await site.get(target);
        if (status.includes('fwd=miss')) await site.log.outcome(target);
      }
    },
    [Symbol.asyncDispose]: async () => {
      await dashboard[Symbol.asyncDispose]();
      directory[Symbol.dispose]();
      await site.stop();
    },
  };
}

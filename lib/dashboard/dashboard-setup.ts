import type { IncomingMessage } from 'node:http';
import type { Site } from '../operations/site.js';
import type { Activity } from './activity/activity.js';
import type { PageListing } from './page-listing.js';

/** What the dashboard works with. */
export interface DashboardSetup {
  readonly site: Site;
  /** The secret that each request to the API must have. */
  readonly token: string;
  readonly activity: Activity;
  /** Whether there is an application that renders pages. */
  readonly canPublish: boolean;
  /** The hosts by which it may be called; absent when the application decides about its hosts. */
  readonly hosts?: ReadonlySet<string>;
  /** The origin at which the site is asked why an address is not cached; `undefined` if it cannot be asked. */
  readonly origin: (request: IncomingMessage) => string | undefined;
}

/** What a route works with. */
export interface RouteContext extends DashboardSetup {
  readonly request: IncomingMessage;
  readonly query: URLSearchParams;
  readonly listing: PageListing;
  readonly signal: AbortSignal;
}

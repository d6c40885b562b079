import type { IncomingMessage } from 'node:http';
import type { Site } from '../operations/site.js';
import type { Activity } from './activity/activity.js';
import type { PageListing } from './page-listing.js';

/** What the dashboard works with. */
export interface DashboardSetup {
  readonly site: Site;
  /** What each request to the API must know. */
  readonly token: string;
  readonly activity: Activity;
  /** Whether there is an application that renders pages. */
  readonly canPublish: boolean;
  /** How it may be called; absent when the application says what its hosts are. */
  readonly hosts?: ReadonlySet<string>;
  /** Where the site is asked why an address is not cached: an origin; `undefined` when it cannot be. */
  readonly origin: (request: IncomingMessage) => string | undefined;
}

/** What a route works with. */
export interface RouteContext extends DashboardSetup {
  readonly request: IncomingMessage;
  readonly query: URLSearchParams;
  readonly listing: PageListing;
  readonly signal: AbortSignal;
}

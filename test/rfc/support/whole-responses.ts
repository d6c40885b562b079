import { Injectable } from '@nestjs/common';
import { afterAll, beforeAll, describe } from 'vitest';
import { type NginxCacheOptions, OnPageCache, PageStored } from '../../../lib/index.js';
import type { RawResponse } from '../../../lib/testing/index.js';
import { field } from '../../page/raw-pool.js';
import { type Platform, PLATFORMS } from '../../support/applications.js';
import { FLAVOURS, type FlavourSite, type FlavourUnderTest, startFlavour, type Twice } from '../../support/flavours.js';
import { answer, Answers, AnswersController, type Fields } from './answers.controller.js';

/** How long pages are kept. */
@Injectable()
class Lifetimes {
  /** By target, in milliseconds. */
  readonly of = new Map<string, number>();

  @OnPageCache(PageStored)
  onStored({ address, ttl }: PageStored): void {
    this.of.set(address.target, ttl);
  }
}

/** A site that keeps whole responses, and whose application answers what the test says. */
export class WholeResponseSite {
  readonly answers: Answers;
  readonly host: string;

  constructor(
    readonly site: FlavourSite,
    readonly flavour: FlavourUnderTest,
  ) {
    this.answers = site.app.get(Answers);
    this.host = site.host;
  }

  /**
   * An address that is answered so.
   *
   * @param fields instead of, or besides, `Content-Type: text/html`
   */
  answering(fields: Fields, body: string | Buffer = '<h1>page</h1>', status = 200): string {
    return this.answers.add(answer(fields, body, status));
  }

  get(target: string, fields?: Readonly<Record<string, string>>, method?: string): Promise<RawResponse> {
    return this.site.get(target, fields, method);
  }

  /** Asks twice. */
  twice(target: string, fields?: Readonly<Record<string, string>>): Promise<Twice> {
    return this.site.twice(target, fields);
  }

  /** Whether a page is served from the cache when it is asked for again, and `stored` or why it is not stored. */
  async kept(fields: Fields, body?: string | Buffer, status?: number): Promise<[isHit: boolean, outcome: string]> {
    const { second, outcome } = await this.twice(this.answering(fields, body, status));
    return [this.isHit(second), outcome];
  }

  /** How long a page is kept, in seconds. */
  async lifetime(fields: Fields): Promise<number | undefined> {
    const target = this.answering(fields);
    await this.twice(target);
    const ttl = this.site.app.get(Lifetimes).of.get(target);
    return ttl === undefined ? undefined : ttl / 1000;
  }

  isHit(response: RawResponse): boolean {
    return field(response, 'cache-status') === this.site.hit;
  }
}

/** Runs the tests with each flavour that keeps whole responses, on each platform. */
export function describeWholeResponses(
  title: string,
  tests: (site: () => WholeResponseSite, platform: Platform) => void,
  options?: NginxCacheOptions,
): void {
  const flavours = FLAVOURS.filter(({ keepsFields }) => keepsFields);
  const cases = flavours.flatMap((flavour) => PLATFORMS.map((platform) => ({ flavour, name: flavour.name, platform })));
  describe.each(cases)(`${title}: $name, on $platform`, ({ flavour, platform }) => {
    let site: FlavourSite;
    let whole: WholeResponseSite;
    beforeAll(async () => {
      const parts = { controllers: [AnswersController], providers: [Answers, Lifetimes] };
      site = await startFlavour(flavour, platform, options, parts);
      whole = new WholeResponseSite(site, flavour);
    });
    afterAll(async () => {
      await site?.[Symbol.asyncDispose]();
    });
    tests(() => whole, platform);
  });
}

/** All values of a field. */
export function values(response: RawResponse, name: string): string[] {
  return response.headers.filter(([one]) => one.toLowerCase() === name).map(([, value]) => value);
}

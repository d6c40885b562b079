import type { IncomingMessage } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { Inject, Injectable } from '@nestjs/common';
import type { PageAddress } from '../page/page-key.js';
import { LateWrite } from '../stores/late-write.js';
import { PageStorage } from '../stores/page-storage.js';
import type { PageWrite } from '../stores/page-write.js';
import type { LeaseAnswer, RenderLease } from '../stores/render-lease.js';
import { type Lead, mayBecomePage } from './coalescing.js';
import { Renderings } from './renderings.js';

/** How long a process waits for another one, in milliseconds: as long as a visitor waits within one process. */
const PATIENCE = 5000;
/** How often the waiting process asks, in milliseconds. */
const INTERVAL = 25;
/** A process that has not been heard of for this long, in milliseconds, has died. */
const SILENCE = 800;

/** Lets one of several processes render a page while the others wait for it. */
@Injectable()
export class RenderTurns {
  constructor(
    @Inject(Renderings) private readonly renderings: Renderings,
    @Inject(PageStorage) private readonly storage: PageStorage,
  ) {}

  /**
   * Begins a rendering as soon as no other process is rendering the page.
   *
   * @returns `undefined` when the store does not answer
   */
  async begin(address: PageAddress, request: IncomingMessage, lead: Lead): Promise<[PageWrite, Lead] | undefined> {
    const write = await this.renderings.begin(address, request, !lead.isAlone);
    if (write instanceof LateWrite) return [write, underLateLease(lead, write)];
    if (write?.lease?.kind !== 'taken') return write && [write, inTurn(lead, write.lease)];
    const answer = await this.wait(address.key, write.lease.beat).catch(() => undefined);
    const own = inTurn(lead, answer);
    // What was known before the wait may be outdated.
    const again = await this.renderings.begin(address, request, false);
    if (again) return [again, own];
    if (answer?.kind === 'granted') answer.lease.release(true);
    return undefined;
  }

  /** @returns `undefined` when nobody has to wait for the page any longer */
  private async wait(key: string, beat: string): Promise<LeaseAnswer | undefined> {
    const start = performance.now();
    for (let heard = start; ;) {
      await delay(INTERVAL);
      const now = performance.now();
      const answer = await this.storage.lease(key, now - heard > SILENCE ? beat : undefined);
      if (answer?.kind !== 'taken') return answer;
      if (now - start > PATIENCE) return undefined;
      if (answer.beat !== beat) [beat, heard] = [answer.beat, now];
    }
  }
}

function inTurn(lead: Lead, answer: LeaseAnswer | undefined): Lead {
  // Requests that wait in this process need not find out again.
  if (answer?.kind === 'alone') lead.giveUp('alone');
  return answer?.kind === 'granted' ? underLease(lead, answer.lease) : lead;
}

/** Like `underLease`, for a lease that may come while the page is being rendered. */
function underLateLease(lead: Lead, { begun }: LateWrite): Lead {
  const granted = begun.then(
    ({ lease }) => (lease?.kind === 'granted' ? lease.lease : undefined),
    () => undefined,
  );
  return {
    ...lead,
    render(rendering) {
      lead.render(rendering);
      void granted.then((lease) => {
        lease?.keepWhile(() => !rendering.isOutdated);
        void rendering.outcome.then((outcome) => lease?.release(mayBecomePage(outcome)));
      });
    },
    giveUp(reason) {
      lead.giveUp(reason);
      void granted.then((lease) => lease?.release(mayBecomePage({ stored: false, reason })));
    },
    found(page) {
      lead.found(page);
      void granted.then((lease) => lease?.release(true));
    },
  };
}

/** A lead that gives the lease back when the page is there, or will not be. */
function underLease(lead: Lead, lease: RenderLease): Lead {
  return {
    isAlone: false,
    render(rendering) {
      lead.render(rendering);
      lease.keepWhile(() => !rendering.isOutdated);
      void rendering.outcome.then((outcome) => lease.release(mayBecomePage(outcome)));
    },
    giveUp(reason) {
      lead.giveUp(reason);
      lease.release(mayBecomePage({ stored: false, reason }));
    },
    close: () => lead.close(),
    found(page) {
      lead.found(page);
      lease.release(true);
    },
  };
}

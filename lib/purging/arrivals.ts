import type { IncomingMessage } from 'node:http';
import { Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { type Arrival, PageStorage } from '../stores/page-storage.js';
import { InFlightPages } from './in-flight-pages.js';

const ARRIVAL = Symbol('nestjs-nginx-cache: arrival');

/**
 * A page may be older than its handler: middleware and guards read data as well. So what can be known without waiting is
 * noted of every request as it comes in.
 */
@Injectable()
export class Arrivals implements OnApplicationBootstrap {
  constructor(
    @Inject(InFlightPages) private readonly inFlight: InFlightPages,
    @Inject(PageStorage) private readonly storage: PageStorage,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    await this.storage.begin();
  }

  note(request: IncomingMessage & { [ARRIVAL]?: Arrival }): void {
    request[ARRIVAL] = {
      time: Date.now(),
      count: this.inFlight.count,
      purges: this.storage.journal?.known,
    };
  }

  of(request: IncomingMessage & { [ARRIVAL]?: Arrival }): Arrival {
    if (!request[ARRIVAL]) this.note(request);
    return request[ARRIVAL]!;
  }
}

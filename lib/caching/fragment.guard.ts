import type { IncomingMessage } from 'node:http';
import { type CanActivate, type ExecutionContext, Injectable, NotFoundException } from '@nestjs/common';
import { visitOf } from '../fragments/fragment-visits.js';
import { rawOf, type Wrapped } from './raw-of.js';

/** Stands before every fragment: a visitor who asks for its address, however it is written, finds nothing there. */
@Injectable()
export class FragmentGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const request = rawOf(context.switchToHttp().getRequest<Wrapped<IncomingMessage>>());
    if (visitOf(request)) return true;
    throw new NotFoundException(`Cannot ${request.method} ${request.url}`);
  }
}

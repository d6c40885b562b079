import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { csrfSync } from 'csrf-sync';
import type { Request } from 'express';

/** A session has one token, and a form sends it in the field `_csrf`. */
export const { generateToken, isRequestValid } = csrfSync({
  getTokenFromRequest: ({ body }: Request) => (body as { _csrf?: string })._csrf,
});

@Injectable()
export class CsrfGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    return isRequestValid(context.switchToHttp().getRequest<Request>());
  }
}

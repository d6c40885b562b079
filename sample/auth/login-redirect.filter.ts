import { Catch, HttpStatus, UnauthorizedException, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { Request, Response } from 'express';

/** Sends whoever is not logged in to the login form, and from there back to the page they wanted. */
@Catch(UnauthorizedException)
export class LoginRedirectFilter implements ExceptionFilter {
  catch(_: UnauthorizedException, host: ArgumentsHost): void {
    const { method, path } = host.switchToHttp().getRequest<Request>();
    const next = method === 'GET' ? `?next=${encodeURIComponent(path)}` : '';
    host.switchToHttp().getResponse<Response>().redirect(HttpStatus.SEE_OTHER, `/login${next}`);
  }
}

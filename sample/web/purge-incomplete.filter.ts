import { Catch, HttpStatus, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { Response } from 'express';
import { PurgeIncompleteError } from 'nestjs-nginx-cache';

/** memcached was down: what was sent is saved, and must not be sent again; only the old pages may still be seen. */
@Catch(PurgeIncompleteError)
export class PurgeIncompleteFilter implements ExceptionFilter {
  catch(_: PurgeIncompleteError, host: ArgumentsHost): void {
    const messages = ['Your change is saved, but some visitors may see the old page for a few minutes.'];
    host
      .switchToHttp()
      .getResponse<Response>()
      .status(HttpStatus.ACCEPTED)
      .render('notice', { title: 'Saved', messages });
  }
}

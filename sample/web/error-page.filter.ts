import { STATUS_CODES } from 'node:http';
import { Catch, HttpException, HttpStatus, Logger, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { Request, Response } from 'express';

/** Errors as pages for people, and as JSON under /api. */
@Catch()
export class ErrorPageFilter implements ExceptionFilter {
  private readonly logger = new Logger(ErrorPageFilter.name);

  catch(exception: unknown, host: ArgumentsHost): void {
    const request = host.switchToHttp().getRequest<Request>();
    const response = host.switchToHttp().getResponse<Response>();
    const status = exception instanceof HttpException ? exception.getStatus() : HttpStatus.INTERNAL_SERVER_ERROR;
    if (status >= HttpStatus.INTERNAL_SERVER_ERROR) this.logger.error(exception);
    if (response.headersSent) return void response.destroy();

    const title = STATUS_CODES[status] ?? 'Error';
    const messages = messagesOf(exception);
    response.status(status);
    if (request.path.startsWith('/api/')) response.json({ statusCode: status, error: title, message: messages });
    else response.render('error', { title, messages });
  }
}

/** Only what was written for visitors. */
function messagesOf(exception: unknown): string[] {
  if (!(exception instanceof HttpException)) return ['Something went wrong here. Please try again.'];
  const body = exception.getResponse();
  const message = typeof body === 'object' && 'message' in body ? body.message : body;
  return [message].flat().map(String);
}

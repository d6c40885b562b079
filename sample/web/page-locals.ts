import type { RequestHandler } from 'express';

/** What every template may show. */
export const pageLocals: RequestHandler = (request, response, next) => {
  response.locals['user'] = request.session.user;
  response.locals['renderedAt'] = new Date();
  next();
};

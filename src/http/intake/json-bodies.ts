import type { FastifyInstance } from 'fastify';
import { GatewayError } from '../../core/errors.ts';

/**
 * Reads JSON as Fastify does, but takes no body for a body that is empty: many clients name a content type with every
 * request, also with those that send nothing. A route that needs a body says so by its schema. A `null` is refused here:
 * schemas are shown the same for it as for no body, and no address takes it.
 */
export function readJsonBodies(app: FastifyInstance): void {
  const parse = app.getDefaultJsonParser('error', 'error');
  app.removeContentTypeParser('application/json');
  app.addContentTypeParser<string>('application/json', { parseAs: 'string' }, (request, body, done) => {
    if (body === '') done(null, undefined);
    else if (body.trim() === 'null') done(new GatewayError('invalid_value', 'body: It must be an object, not null.'));
    else parse(request, body, done);
  });
}

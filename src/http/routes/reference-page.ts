import fastify, { type FastifyInstance } from 'fastify';

const prefix = '/docs';
/** All that the page consists of. */
const addresses = [prefix, `${prefix}/`, `${prefix}/js/scalar.js`];

/**
 * `/docs`: the OpenAPI document for people, with all assets from here, so that it works without internet. The package is
 * four megabytes of script, a fifth of what a start loads, and most servers are never asked for the page: it is loaded
 * with the first request for it, into an app of its own, because ours takes no plugins any more by then.
 */
export function referencePage(app: FastifyInstance): void {
  let opening: Promise<FastifyInstance> | null = null;
  for (const url of addresses) {
    app.get(url, { schema: { hide: true } }, async (request, reply) => {
      opening ??= openPage();
      const page = await (await opening).inject({ method: 'GET', url: request.url.split('?', 1)[0] ?? prefix });
      const { 'content-type': type, location } = page.headers;
      reply.code(page.statusCode);
      if (typeof type === 'string') reply.type(type);
      if (typeof location === 'string') reply.header('location', location);
      return reply.send(page.rawPayload);
    });
  }
  app.addHook('onClose', async () => {
    await opening?.then(
      (page) => page.close(),
      // Where it could not be opened there is nothing to close.
      () => undefined,
    );
  });
}

async function openPage(): Promise<FastifyInstance> {
  const { default: scalar } = await import('@scalar/fastify-api-reference');
  const page = fastify({ logger: false });
  await page.register(scalar, {
    routePrefix: prefix,
    configuration: {
      url: '/openapi.json',
      // Nothing on the page may call out: no fonts from a CDN, no proxy for its requests, no telemetry, no assistant.
      withDefaultFonts: false,
      proxyUrl: '',
      telemetry: false,
      agent: { disabled: true },
      mcp: { disabled: true },
      hideClientButton: true,
      showDeveloperTools: 'never',
    },
  });
  await page.ready();
  return page;
}

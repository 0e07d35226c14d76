import swagger from '@fastify/swagger';
import type { FastifyInstance } from 'fastify';
import { jsonSchemaTransform, jsonSchemaTransformObject } from 'fastify-type-provider-zod';
import type { HttpParts } from '../http-parts.ts';
import { referencePage } from './reference-page.ts';

/** Collects the OpenAPI document from the routes that are registered after it. */
export async function collectOpenApi(app: FastifyInstance, version: string): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'fluxscribe',
        version,
        description:
          "Speech to text behind one address. Every client of OpenAI's audio API works: change its base URL and key.",
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      },
      tags: [
        { name: 'audio', description: 'Recordings in, text out' },
        { name: 'models', description: 'What can be asked for' },
        { name: 'model store', description: 'The model files of this machine; keys with the scope admin' },
        { name: 'routes', description: 'Which models would be asked' },
        { name: 'accounts', description: 'Who pays; keys with the scope admin' },
        { name: 'keys', description: "Accounts' keys and browser tokens; keys with the scope admin" },
        { name: 'money', description: 'Wallets and their ledger; keys with the scope admin' },
        { name: 'vendor keys', description: "Accounts' own keys for vendors; keys with the scope admin" },
        { name: 'usage', description: 'What was asked, and what it cost; keys with the scope admin' },
        { name: 'own account', description: 'What any key may know of its own account' },
        { name: 'operation', description: 'Is it well?' },
      ],
      components: {
        securitySchemes: {
          key: {
            type: 'http',
            scheme: 'bearer',
            description: 'Also taken without a prefix, as Token KEY, or in x-api-key.',
          },
        },
      },
      security: [{ key: [] }],
    },
    transform: jsonSchemaTransform,
    transformObject: (document) => withOptionalBodies(jsonSchemaTransformObject(document)),
  });
}

/** Operations that may be sent without a body: the document would say of every body that it is required. */
const bodyIsOptional: ReadonlySet<string> = new Set(['createToken', 'grantToken']);

function withOptionalBodies(document: ReturnType<typeof jsonSchemaTransformObject>) {
  if (!('paths' in document)) return document;
  for (const { post } of Object.values(document.paths ?? {}).filter((path) => path !== undefined)) {
    if (!post?.requestBody || !('required' in post.requestBody)) continue;
    post.requestBody.required = !bodyIsOptional.has(post.operationId ?? '');
  }
  return document;
}

/** `/openapi.json`, `/docs` and `/llms.txt`. No key. */
export function documentRoutes(app: FastifyInstance, parts: HttpParts): void {
  let document: string | null = null;
  app.get('/openapi.json', { schema: { hide: true } }, async (_request, reply) => {
    document ??= JSON.stringify(app.swagger());
    return reply.type('application/json').send(document);
  });
  referencePage(app);
  app.get('/llms.txt', { schema: { hide: true } }, async (_request, reply) =>
    reply.type('text/plain; charset=utf-8').send(llmsText(parts)),
  );
}

/** A page that a language model can read in one go before it writes a client. */
export function llmsText({
  defaultModel,
  limits,
  version,
}: Pick<HttpParts, 'defaultModel' | 'limits' | 'version'>): string {
  return `# fluxscribe ${version}

> Speech to text behind one address. It speaks OpenAI's audio API: use any OpenAI SDK with this base URL (ending in /v1) and a key of this gateway.

## Transcribe

POST /v1/audio/transcriptions, multipart/form-data, header \`Authorization: Bearer KEY\`.

- file (required): flac, mp3, mp4, mpeg, mpga, m4a, ogg, wav or webm; told by content; at most ${limits.maxUploadBytes} bytes
- model: default ${defaultModel}; GET /v1/models lists all
- language: ISO-639-1, left out to find out
- response_format: json (default), text, srt, vtt, verbose_json, diarized_json
- timestamp_granularities[]: word, segment (with verbose_json)
- stream: true for server-sent events transcript.text.delta and transcript.text.done
- include[]: logprobs (with json)
- prompt, temperature (0 to 1), chunking_strategy

POST /v1/audio/translations: the same form, English text out.

GET /api/routes/explain?model=&language=&task=&seconds=&bytes=&response_format=: which models would be asked with this key, in which order, and why not the others; nothing is sent and nothing is charged.

Reply headers: x-flux-routed-model, x-flux-billed-seconds, x-flux-cost-usd, x-request-id; x-flux-unmet names what was asked for and could not be done, x-flux-unheard-seconds says how much speech stayed without text.

Errors: {"error": {"message", "type", "code", "param", "origin"}}. Wait for Retry-After on 429 and 503.

## More

- [OpenAPI document](/openapi.json)
- [Reference for people](/docs/)
- [Health](/health)
`;
}

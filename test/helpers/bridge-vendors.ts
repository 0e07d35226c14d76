import { readFileSync } from 'node:fs';
import { type AiSdkProviderOptions, createAiSdkProvider } from '../../src/providers/ai-sdk/ai-sdk-provider.ts';
import type { AiSdkModel } from '../../src/providers/ai-sdk/models.ts';
import type { Provider } from '../../src/providers/contract.ts';
import { answerJson, answerText, type VendorBehaviour, type VendorRequest } from './fake-vendor.ts';

/** Vendors behind packages of the AI SDK: what they are asked, and what they answer when all is well. */

export function bridgeRecording(name: string): unknown {
  const folder = new URL('../../src/providers/ai-sdk/recordings/', import.meta.url);
  return JSON.parse(readFileSync(new URL(`${name}.json`, folder), 'utf8'));
}

/** What all of them hear. */
export const bridgeText = 'Two tickets, please. Window seats?';

type Matches = (request: VendorRequest) => boolean;
export const isGladiaUpload: Matches = ({ method, path }) => method === 'POST' && path === '/v2/upload';
export const isGladiaCreation: Matches = ({ method, path }) => method === 'POST' && path === '/v2/pre-recorded';
export const isGladiaPoll: Matches = ({ method, path }) => method === 'GET' && path.startsWith('/v2/pre-recorded/');

export const gladiaVendor: VendorBehaviour = (request, response) => {
  if (isGladiaUpload(request)) return answerJson(bridgeRecording('gladia-upload'))(request, response);
  if (isGladiaCreation(request)) return answerJson(bridgeRecording('gladia-created'), 201)(request, response);
  if (isGladiaPoll(request)) return answerJson(bridgeRecording('gladia-done'))(request, response);
  return answerText('', 404)(request, response);
};

export const isRevSubmission: Matches = ({ method, path }) => method === 'POST' && path === '/speechtotext/v1/jobs';
export const isRevPoll: Matches = ({ method, path }) => method === 'GET' && /\/jobs\/[^/]+$/.test(path);
export const isRevTranscript: Matches = ({ method, path }) => method === 'GET' && path.endsWith('/transcript');

export const revAiVendor: VendorBehaviour = (request, response) => {
  if (isRevSubmission(request)) return answerJson(bridgeRecording('revai-submitted'))(request, response);
  if (isRevPoll(request)) return answerJson(bridgeRecording('revai-transcribed'))(request, response);
  if (isRevTranscript(request)) return answerJson(bridgeRecording('revai-transcript'))(request, response);
  return answerText('', 404)(request, response);
};

type Given = Pick<AiSdkProviderOptions, 'factory' | 'apiKey' | 'baseUrl' | 'http'> & Partial<AiSdkProviderOptions>;

/** A provider behind the bridge with one model, `bridge/…`, that takes 100 kB and is asked after every millisecond. */
export function bridgeProvider(modelName: string, given: Given): Provider {
  const model: AiSdkModel = {
    card: {
      id: `bridge/${modelName}`,
      features: ['transcribe'],
      languages: ['*'],
      maxDurationMs: null,
      maxUploadBytes: 100_000,
    },
    name: modelName,
  };
  return createAiSdkProvider({
    id: 'bridge',
    providerOptions: {},
    findModel: (id) => (id === model.card.id ? model : null),
    models: () => [model.card],
    pollIntervals: { firstMs: 1, longestMs: 1 },
    ...given,
  });
}

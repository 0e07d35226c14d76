import {
  bridgeProvider,
  bridgeRecording,
  bridgeText,
  gladiaVendor,
  isGladiaCreation,
  isGladiaPoll,
  isGladiaUpload,
  isRevPoll,
  isRevSubmission,
  isRevTranscript,
  revAiVendor,
} from '../../../test/helpers/bridge-vendors.ts';
import { answerJson } from '../../../test/helpers/fake-vendor.ts';
import { createGuardedFetch } from '../../net/guarded-fetch.ts';
import { describeConformance } from '../conformance.ts';
import { loadPackage } from './load-package.ts';

/** The packages as npm has them, each against its vendor. */
const folders = [import.meta.dirname];

describeConformance('@ai-sdk/openai behind the bridge', {
  createProvider: ({ url, key, timeouts }) =>
    bridgeProvider('whisper-1', {
      factory: loadPackage({ name: '@ai-sdk/openai', factory: null, folders }),
      apiKey: key,
      baseUrl: `${url}/v1`,
      timeouts,
      http: createGuardedFetch({ trustedOrigins: [url] }),
    }),
  modelId: 'bridge/whisper-1',
  goodVendor: answerJson(bridgeRecording('openai-verbose')),
  goodText: bridgeText,
  errorBody: (message) =>
    JSON.stringify({ error: { message, type: 'invalid_request_error', param: null, code: null } }),
});

describeConformance('@ai-sdk/gladia behind the bridge', {
  createProvider: ({ url, key, timeouts }) =>
    bridgeProvider('default', {
      factory: loadPackage({ name: '@ai-sdk/gladia', factory: 'createGladia', folders }),
      apiKey: key,
      baseUrl: url,
      timeouts,
      http: createGuardedFetch({ trustedOrigins: [url] }),
    }),
  modelId: 'bridge/default',
  goodVendor: gladiaVendor,
  goodText: bridgeText,
  errorBody: (message, status) => JSON.stringify({ error: { message, code: status } }),
  steps: [
    { name: 'upload', matches: isGladiaUpload },
    { name: 'creation', matches: isGladiaCreation },
    { name: 'question', matches: isGladiaPoll },
  ],
});

describeConformance('@ai-sdk/revai behind the bridge', {
  createProvider: ({ url, key, timeouts }) =>
    bridgeProvider('machine', {
      factory: loadPackage({ name: '@ai-sdk/revai', factory: null, folders }),
      apiKey: key,
      baseUrl: url,
      timeouts,
      http: createGuardedFetch({ trustedOrigins: [url] }),
    }),
  modelId: 'bridge/machine',
  goodVendor: revAiVendor,
  goodText: bridgeText,
  errorBody: (message, status) => JSON.stringify({ error: { message, code: status } }),
  steps: [
    { name: 'submission', matches: isRevSubmission },
    { name: 'question', matches: isRevPoll },
    { name: 'transcript', matches: isRevTranscript },
  ],
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type DeepgramModel, fluxName, isFlux } from './models.ts';

const card: DeepgramModel['card'] = {
  id: 'deepgram/flux',
  features: ['transcribe'],
  languages: ['*'],
  maxDurationMs: null,
  maxUploadBytes: null,
};

describe('models of Deepgram', () => {
  it('streams to Flux and uploads to all others', () => {
    assert.ok(isFlux({ card, name: 'flux-general-en' }));
    assert.ok(!isFlux({ card, name: 'nova-3-medical' }));
  });

  it('takes the English Flux for English alone, and a whole name as it is', () => {
    assert.equal(fluxName({ card, name: 'flux-general' }, 'en'), 'flux-general-en');
    assert.equal(fluxName({ card, name: 'flux-general' }, 'de'), 'flux-general-multi');
    assert.equal(fluxName({ card, name: 'flux-general' }, null), 'flux-general-multi');
    assert.equal(fluxName({ card, name: 'flux-general-multi' }, 'en'), 'flux-general-multi');
    assert.equal(fluxName({ card, name: 'flux-general-en' }, null), 'flux-general-en');
  });
});

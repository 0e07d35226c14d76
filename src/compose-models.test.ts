import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { loadCatalogue } from './catalogue/load-catalogue.ts';
import {
  createModelDirectory,
  type InstalledCatalogue,
  type ModelHealth,
  marketOf,
  pricesOf,
} from './compose-models.ts';
import { chargeFor } from './metering/price-book.ts';

const catalogue = loadCatalogue(null);
const current: InstalledCatalogue = { catalogue, installed: new Set(['moonshine-tiny', 'silero-vad']) };
const limits = { maxUploadBytes: 1000, maxAudioSeconds: 60 };

describe('the catalogue as others see it', () => {
  it('prices a minute at ten cents, and anything shorter than ten seconds as ten', () => {
    const price = pricesOf(catalogue).get('flux-voice');
    assert.ok(price);
    assert.equal(chargeFor(price, 60_000).costNanos, 100_000_000n);
    assert.equal(chargeFor(price, 1).billedMs, 10_000);
  });

  it('shows aliases and models to callers', () => {
    const directory = createModelDirectory(
      () => current,
      () => 'ready',
      limits,
    );
    assert.deepEqual(
      directory
        .list()
        .slice(0, 3)
        .map((entry) => [entry.id, entry.ownedBy, entry.health]),
      [
        ['flux-voice', 'fluxscribe', 'ready'],
        ['flux-voice-fast', 'fluxscribe', 'ready'],
        ['flux-voice-accurate', 'fluxscribe', 'ready'],
      ],
    );
    assert.equal(directory.find('moonshine-tiny')?.id, 'local/moonshine-tiny');
    assert.ok(directory.find('flux-voice')?.aliasOf?.includes('local/moonshine-tiny'));
    assert.equal(directory.find('whisper-base')?.id, 'local/whisper-base');
    assert.equal(directory.find('nothing'), null);
  });

  it('follows what is installed and healthy at each moment', () => {
    let state: ReturnType<ModelHealth> = 'not-installed';
    const directory = createModelDirectory(
      () => current,
      () => state,
      limits,
    );
    const available = () => marketOf(current, () => state).candidates.filter((one) => one.available);
    assert.deepEqual(available(), []);
    assert.equal(directory.find('flux-voice')?.health, 'not-installed');
    state = 'unavailable';
    assert.equal(directory.find('flux-voice')?.health, 'unavailable');
    state = 'ready';
    assert.equal(available().length, catalogue.models.length);
  });

  it('tells which artifacts a model still needs', () => {
    const { candidates } = marketOf(current, () => 'ready');
    const missing = (id: string) => candidates.find((one) => one.card.id === id)?.missing;
    assert.deepEqual(missing('local/moonshine-tiny'), []);
    assert.deepEqual(missing('local/whisper-base'), ['whisper-base']);
    assert.deepEqual(missing('local/duo-auto'), ['whisper-base']);
  });
});

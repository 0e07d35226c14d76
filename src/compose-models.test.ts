import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { loadCatalogue } from './catalogue/load-catalogue.ts';
import { createMarket, createModelDirectory, type ModelHealth, pricesOf } from './compose-models.ts';
import { chargeFor } from './metering/price-book.ts';

const catalogue = loadCatalogue(null);
const limits = { maxUploadBytes: 1000, maxAudioSeconds: 60 };

describe('the catalogue as others see it', () => {
  it('prices a minute at ten cents, and anything shorter than ten seconds as ten', () => {
    const price = pricesOf(catalogue).get('flux-voice');
    assert.ok(price);
    assert.equal(chargeFor(price, 60_000).costNanos, 100_000_000n);
    assert.equal(chargeFor(price, 1).billedMs, 10_000);
  });

  it('shows aliases and models to callers, and none that cannot be run', () => {
    const directory = createModelDirectory(catalogue, () => 'ready', limits);
    assert.deepEqual(
      directory.list().map((entry) => [entry.id, entry.ownedBy, entry.health]),
      [
        ['flux-voice', 'fluxscribe', 'ready'],
        ['flux-voice-fast', 'fluxscribe', 'ready'],
        ['flux-voice-accurate', 'fluxscribe', 'ready'],
        ['local/moonshine-tiny', 'local', 'ready'],
      ],
    );
    assert.equal(directory.find('moonshine-tiny')?.id, 'local/moonshine-tiny');
    assert.equal(directory.find('flux-voice')?.aliasOf?.[0], 'local/moonshine-tiny');
    assert.equal(directory.find('whisper-base'), null);
    assert.equal(directory.find('nothing'), null);
  });

  it('follows what is installed and healthy at each moment', () => {
    let state: ReturnType<ModelHealth> = 'not-installed';
    const market = createMarket(catalogue, () => state);
    const directory = createModelDirectory(catalogue, () => state, limits);
    const available = () =>
      market()
        .candidates.filter((one) => one.available)
        .map((one) => one.card.id);
    assert.deepEqual(available(), []);
    assert.equal(directory.find('flux-voice')?.health, 'not-installed');
    state = 'unavailable';
    assert.equal(directory.find('flux-voice')?.health, 'unavailable');
    state = 'ready';
    assert.deepEqual(available(), ['local/moonshine-tiny']);
    assert.deepEqual(
      market()
        .candidates.filter((one) => one.planned)
        .map((one) => one.card.id),
      ['local/whisper-base'],
    );
  });
});

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { CatalogueError, loadCatalogue } from './load-catalogue.ts';

describe('loadCatalogue', () => {
  let dir = '';
  before(() => {
    dir = mkdtempSync(join(tmpdir(), 'catalogue-test-'));
  });
  after(() => rmSync(dir, { recursive: true }));
  const over = (text: string) => {
    const file = join(dir, 'own.yaml');
    writeFileSync(file, text);
    return loadCatalogue(file);
  };
  const refuses = (text: string, reason: RegExp) =>
    assert.throws(
      () => over(text),
      (error) =>
        error instanceof CatalogueError &&
        error.message.startsWith(join(dir, 'own.yaml')) &&
        reason.test(error.message),
    );
  const price = 'price: { per_minute_usd: "0.02" }';

  it('ships the default model, its voice activity detector and four aliases at ten cents a minute', () => {
    const { models, aliases, artifacts } = loadCatalogue(null);
    assert.ok(models.some((model) => model.id === 'local/moonshine-tiny' && model.artifact === 'moonshine-tiny'));
    assert.deepEqual(
      aliases.map((alias) => alias.id),
      ['flux-voice', 'flux-voice-fast', 'flux-voice-accurate', 'akro-v1'],
    );
    for (const alias of aliases) assert.deepEqual(alias.price, { per_minute_usd: '0.10', minimum_seconds: 10 });
    assert.deepEqual(
      artifacts.filter((one) => one.default).map((one) => one.id),
      ['moonshine-tiny', 'silero-vad'],
    );
  });

  it('replaces entries of ours by id and puts new ones first', () => {
    const { aliases, models } = over(
      `aliases:\n  - { id: flux-voice, name: Mine, models: [local/moonshine-tiny], ${price} }\n  - { id: house, name: House, models: [local/moonshine-tiny], ${price} }`,
    );
    assert.deepEqual(
      aliases.map((alias) => alias.id),
      ['house', 'flux-voice', 'flux-voice-fast', 'flux-voice-accurate', 'akro-v1'],
    );
    assert.equal(aliases[1]?.name, 'Mine');
    assert.ok(models.length > 0);
  });

  it('takes an empty file as no change', () => {
    assert.deepEqual(over('# nothing yet\n'), loadCatalogue(null));
  });

  it('refuses a file that is not YAML, is not there, or has entries that make no sense', () => {
    refuses('models: [', /cannot be read/);
    refuses('modles: []', /modles/);
    refuses(
      'aliases:\n  - { id: x, name: X, models: [local/moonshine-tiny], price: { per_minute_usd: 0.02 } }',
      /per_minute_usd/,
    );
    assert.throws(() => loadCatalogue(join(dir, 'gone.yaml')), /gone\.yaml: cannot be read/);
  });

  it('refuses entries that do not fit each other', () => {
    refuses(`aliases:\n  - { id: x, name: X, models: [local/gone], ${price} }`, /'local\/gone', which is not there/);
    refuses(
      `models:\n  - { id: local/x, name: X, features: [transcribe], languages: [en], ${price} }`,
      /names no artifact/,
    );
    const upstream = 'upstream: { provider: openai, name: x }';
    const fields = `name: X, features: [transcribe], languages: [en], ${price}`;
    refuses(`models:\n  - { id: openai/x, ${fields} }`, /'openai\/x' names no upstream/);
    refuses(
      `models:\n  - { id: local/x, artifact: moonshine-tiny, ${upstream}, ${fields} }`,
      /embedded engine and cannot name an upstream/,
    );
    refuses(
      `models:\n  - { id: local/x, name: X, features: [transcribe], languages: [en], artifact: gone, ${price} }`,
      /the artifact 'gone', which is not there/,
    );
    refuses(
      `aliases:\n  - { id: x, name: X, models: [local/moonshine-tiny], ${price} }\n  - { id: x, name: X, models: [local/moonshine-tiny], ${price} }`,
      /'x' is there twice/,
    );
  });
});

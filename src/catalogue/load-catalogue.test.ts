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

  it('has every model that the gateways of this trade document, at their prices', () => {
    const { models, aliases } = loadCatalogue(null);
    const priceOf = (id: string) => [...models, ...aliases].find((one) => one.id === id)?.price.per_minute_usd;
    const documented = {
      'flux-voice': '0.10',
      'flux-voice-fast': '0.10',
      'flux-voice-accurate': '0.10',
      'akro-v1': '0.10',
      'openai/whisper-1': '0.006',
      'openai/gpt-4o-transcribe': '0.006',
      'openai/gpt-4o-mini-transcribe': '0.003',
      'alibaba/sensevoice-small': '0.006',
      'mistral/voxtral-mini-latest': '0.003',
      'deepgram/flux': '0.0077',
    };
    for (const [id, price] of Object.entries(documented)) assert.equal(priceOf(id), price, id);
    const tokenBilled = models.filter((model) => model.price.per_million_input_tokens_usd).map((model) => model.id);
    assert.ok(
      tokenBilled.includes('openai/gpt-4o-transcribe') && tokenBilled.includes('openai/gpt-4o-mini-transcribe'),
    );
    assert.deepEqual(models.find((model) => model.id === 'openai/whisper-1')?.fallbacks, ['alibaba/sensevoice-small']);
    assert.ok(models.find((model) => model.id === 'openai/gpt-4o-mini-transcribe')?.upstream?.snapshots);
  });

  it('takes prices by the minute, by the second and by tokens, and none that could come to nothing by accident', () => {
    const priced = (text: string) =>
      over(`aliases:\n  - { id: x, name: X, models: [local/moonshine-tiny], price: { ${text} } }`).aliases[0]?.price;
    assert.equal(priced('per_second_usd: "0.0001"')?.per_minute_usd, '0.006');
    assert.equal(priced('per_second_usd: "0.01"')?.per_minute_usd, '0.60');
    assert.equal(priced('per_second_usd: "0"')?.per_minute_usd, '0.00');
    assert.equal(priced('per_minute_usd: "0"')?.per_minute_usd, '0');
    const tokens = 'per_million_input_tokens_usd: "2.50", per_million_output_tokens_usd: "10"';
    assert.equal(priced(`per_minute_usd: "0.006", ${tokens}`)?.per_million_output_tokens_usd, '10');
    const refused = (text: string, reason: RegExp) =>
      refuses(`aliases:\n  - { id: x, name: X, models: [local/moonshine-tiny], price: { ${text} } }`, reason);
    refused('per_minute_usd: "1", per_second_usd: "1"', /not both/);
    refused(tokens, /needs per_minute_usd or per_second_usd/);
    refused(`per_minute_usd: "0.0", ${tokens}`, /above 0/);
    refused('per_minute_usd: "1", per_million_output_tokens_usd: "10"', /per_million_input_tokens_usd and/);
  });

  it('knows which alias stands in for a name of a vendor, and takes no two for one', () => {
    const names = (id: string, text: string) => over(text).aliases.find((one) => one.id === id)?.stands_in_for;
    const alias = (id: string, ...standsInFor: string[]) =>
      `  - { id: ${id}, name: X, models: [local/moonshine-tiny], stands_in_for: [${standsInFor.join(', ')}], ${price} }\n`;
    assert.ok(loadCatalogue(null).aliases[0]?.stands_in_for.includes('whisper-1'));
    assert.deepEqual(names('house', `aliases:\n${alias('house', 'nova-3')}`), ['nova-3']);
    assert.deepEqual(names('flux-voice', `aliases:\n${alias('flux-voice')}`), []);
    const houses = over(`aliases:\n${alias('house', 'whisper-1')}`).aliases.filter((one) =>
      one.stands_in_for.includes('whisper-1'),
    );
    assert.deepEqual(
      houses.map((one) => one.id),
      ['house'],
    );
    refuses(`aliases:\n${alias('a', 'nova-3')}${alias('b', 'nova-3')}`, /'a' and 'b' both stand in for 'nova-3'/);
    refuses(`aliases:\n${alias('house', 'openai/whisper-1')}`, /stands_in_for/);
  });

  it('refuses chains and openings of models that are not there or cannot say how sure they are', () => {
    const model = 'id: openai/x, name: X, features: [transcribe], languages: [en]';
    const served = 'upstream: { provider: openai, name: x }';
    refuses(`models:\n  - { ${model}, ${price}, ${served}, fallbacks: [openai/gone] }`, /chain of 'openai\/x' names/);
    const alias = (models: string) =>
      `aliases:\n  - { id: x, name: X, models: [openai/whisper-1], ${price}, opening: { models: [${models}], keep_above_confidence: 0.9 } }`;
    refuses(alias('local/gone'), /opening of 'x' names the model 'local\/gone'/);
    refuses(alias('local/sense-voice-small'), /never says how sure/);
    assert.deepEqual(over(alias('local/moonshine-tiny')).aliases[0]?.opening?.models, ['local/moonshine-tiny']);
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

  it('lets aliases name models that stand in the settings, and such that are yet to be imported', () => {
    const file = join(dir, 'aliases.yaml');
    writeFileSync(file, `aliases:\n  - { id: x, name: X, models: [box/large, local/swedish], ${price} }`);
    const { aliases } = loadCatalogue(file, ['box/large']);
    assert.deepEqual(aliases.find((alias) => alias.id === 'x')?.models, ['box/large', 'local/swedish']);
    assert.throws(() => loadCatalogue(file), /'box\/large', which is not there/);
  });

  it('refuses entries that do not fit each other', () => {
    refuses(`aliases:\n  - { id: x, name: X, models: [openai/gone], ${price} }`, /'openai\/gone', which is not there/);
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

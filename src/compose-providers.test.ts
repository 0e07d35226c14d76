import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { loadCatalogue } from './catalogue/load-catalogue.ts';
import { createUpstreams, withConfiguredModels } from './compose-providers.ts';
import { loadConfig } from './config/load-config.ts';
import { vendorVariables } from './config/provider-settings.ts';
import { silentLog } from './core/log.ts';
import { createOutboundSockets } from './net/outbound-socket.ts';
import { featuresOf, traitsOf } from './providers/openai-compatible/profile.ts';
import { findProfile } from './providers/openai-compatible/profiles.ts';

describe('the providers of the settings', () => {
  let workingDir = '';
  before(() => {
    workingDir = mkdtempSync(join(tmpdir(), 'compose-providers-'));
  });
  after(() => rmSync(workingDir, { recursive: true }));
  const providersOf = (env: Record<string, string>) => loadConfig({ env, workingDir }).providers;
  const boxes = (list: readonly object[]) => providersOf({ FLUXSCRIBE_PROVIDERS: JSON.stringify(list) });
  const catalogue = loadCatalogue(null);

  it('offers what the catalogue says of models that the family serves: exactly what the adapter can do', () => {
    for (const { id, features, upstream } of catalogue.models) {
      const profile = upstream && findProfile(upstream.provider);
      if (!profile) continue;
      assert.deepEqual(features, featuresOf(traitsOf(profile, upstream.like ?? upstream.name)), id);
    }
  });

  it('has a model in the catalogue for every vendor that a variable switches on', () => {
    for (const { kind } of vendorVariables) {
      assert.ok(
        catalogue.models.some((model) => model.upstream?.provider === kind),
        kind,
      );
    }
  });

  it('makes a provider for every vendor that is switched on, and gives it the models of the catalogue', async () => {
    const env = Object.fromEntries(vendorVariables.map(({ key }) => [key, 'key-of-a-vendor']));
    const { providers, close } = createUpstreams(
      providersOf({ ...env, AZURE_OPENAI_ENDPOINT: 'https://r.openai.azure.com' }),
      () => catalogue,
    );
    for (const { kind } of vendorVariables) assert.ok((providers.get(kind)?.models().length ?? 0) > 0, kind);
    await close();
  });

  it('adds the models of a box, and lets them win over ours of the same name', () => {
    const settings = boxes([
      {
        id: 'gpu',
        kind: 'speaches',
        baseUrl: 'http://10.0.0.5:8000/v1',
        models: [{ name: 'Systran/faster-whisper-small', languages: ['en'], perMinuteUsd: '0.001' }],
      },
      {
        id: 'azure',
        kind: 'azure',
        baseUrl: 'https://r.openai.azure.com',
        apiKey: 'k',
        models: [{ name: 'our deployment', id: 'whisper', like: 'whisper-1' }],
      },
    ]);
    const { models } = withConfiguredModels(catalogue, settings);
    const small = models.find((model) => model.id === 'gpu/faster-whisper-small');
    assert.deepEqual([small?.languages, small?.price.per_minute_usd], [['en'], '0.001']);
    assert.ok(small?.features.includes('word-times'));
    const azure = models.filter((model) => model.id === 'azure/whisper');
    assert.deepEqual(
      azure.map((model) => model.upstream?.name),
      ['our deployment'],
    );
  });

  it('starts without a package that is not installed, says how to install it, and shows its models as unavailable', async () => {
    const settings = boxes([
      { id: 'absent', kind: 'ai-sdk', package: '@ai-sdk/absent', models: [{ name: 'default' }] },
      { id: 'gladia', kind: 'ai-sdk', package: '@ai-sdk/gladia', models: [{ name: 'default', maxUploadBytes: 5000 }] },
    ]);
    const warned = Promise.withResolvers<readonly unknown[]>();
    const log = { ...silentLog, warn: (fields: object, message: string) => warned.resolve([fields, message]) };
    const models = withConfiguredModels(catalogue, settings);
    const upstreams = createUpstreams(settings, () => models, { workingDir, log });
    assert.deepEqual(await warned.promise, [
      { provider: 'absent' },
      "The package '@ai-sdk/absent' is not installed. In the folder where fluxscribe runs: npm install @ai-sdk/absent",
    ]);
    assert.deepEqual([upstreams.isUsable('absent'), upstreams.isUsable('gladia')], [false, true]);
    // Recordings for the bridge are held in memory: there is a ceiling unless the operator names one.
    const ceilings = ['absent', 'gladia'].map((id) => upstreams.providers.get(id)?.models()[0]?.maxUploadBytes);
    assert.deepEqual(ceilings, [32 * 1024 * 1024, 5000]);
    await upstreams.close();
  });

  it("makes a vendor with an account's key whether it is switched on or not, and none whose address nobody knows", async () => {
    const upstreams = createUpstreams(providersOf({}), () => catalogue);
    const own = { apiKey: 'key-of-an-account', baseUrl: null };
    for (const { kind } of vendorVariables) {
      const provider = upstreams.withKey(kind, own);
      assert.equal(provider?.id ?? null, kind === 'azure' ? null : kind);
      if (provider) assert.ok(provider.models().length > 0, kind);
    }
    assert.equal(upstreams.withKey('azure', { ...own, baseUrl: 'https://r.openai.azure.com' })?.id, 'azure');
    for (const id of ['local', 'ai-sdk', 'nobody']) assert.equal(upstreams.withKey(id, own), null, id);
    await upstreams.close();
  });

  it('lets an account name no private address, neither for requests nor for sockets', async () => {
    const upstreams = createUpstreams(providersOf({}), () => catalogue);
    for (const baseUrl of ['http://127.0.0.1:9', 'http://localhost:9', 'http://10.0.0.5', 'http://[::1]:9']) {
      for (const id of ['openai', 'deepgram', 'assemblyai', 'elevenlabs']) {
        const provider = upstreams.withKey(id, { apiKey: 'key-of-an-account', baseUrl });
        assert.ok(provider?.checkKey);
        await assert.rejects(provider.checkKey(new AbortController().signal), { code: 'invalid_value' });
        await provider.close();
      }
      const sockets = createOutboundSockets({ publicOnly: true });
      const url = new URL(baseUrl.replace('http', 'ws'));
      const { signal } = new AbortController();
      await assert.rejects(sockets.open({ url, headers: {}, signal, onText: () => {} }), { code: 'invalid_value' });
      await sockets.close();
    }
    await upstreams.close();
  });
});

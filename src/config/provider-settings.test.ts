import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { ConfigError, loadConfig } from './load-config.ts';

describe('providers in the settings', () => {
  let workingDir = '';
  before(() => {
    workingDir = mkdtempSync(join(tmpdir(), 'providers-test-'));
  });
  after(() => rmSync(workingDir, { recursive: true }));

  const providers = (env: Record<string, string>, file = '') => {
    writeFileSync(join(workingDir, 'fluxscribe.yaml'), file);
    return loadConfig({ env, workingDir }).providers;
  };
  const refusal = (env: Record<string, string>, file = ''): string => {
    try {
      providers(env, file);
    } catch (thrown) {
      assert.ok(thrown instanceof ConfigError);
      return thrown.message;
    }
    return assert.fail('nothing was refused');
  };

  it('has none without a key', () => {
    assert.deepEqual(providers({ OPENAI_BASE_URL: 'https://proxy.example/v1', GROQ_API_KEY: '' }), []);
  });

  it("switches a vendor on by its own SDK's variables, with its address moved by the one beside the key", () => {
    const [openai, groq, ...others] = providers({
      OPENAI_API_KEY: ' sk-1 ',
      OPENAI_BASE_URL: 'https://proxy.example/v1/',
      GROQ_API_KEY: 'gsk-2',
    });
    assert.deepEqual(
      [openai?.id, openai?.kind, openai?.apiKey, openai?.baseUrl],
      ['openai', 'openai', 'sk-1', 'https://proxy.example/v1'],
    );
    assert.deepEqual([groq?.id, groq?.baseUrl], ['groq', null]);
    assert.deepEqual(others, []);
  });

  it('takes boxes from the file, with keys out of variables', () => {
    const [box] = providers(
      { BOX_KEY: 'secret-1' },
      'providers:\n  - id: box\n    kind: speaches\n    baseUrl: http://10.0.0.5:8000/v1\n    apiKeyEnv: BOX_KEY\n    models: [{ name: Systran/faster-whisper-small }]\n',
    );
    assert.deepEqual([box?.id, box?.apiKey, box?.models[0]?.languages], ['box', 'secret-1', ['*']]);
  });

  it('adds the models of the file to a vendor of the environment', () => {
    const [openai, ...others] = providers(
      { OPENAI_API_KEY: 'sk-1' },
      'providers:\n  - { id: openai, kind: openai, models: [{ name: new-model }] }\n',
    );
    assert.deepEqual([openai?.apiKey, openai?.models[0]?.name], ['sk-1', 'new-model']);
    assert.deepEqual(others, []);
  });

  it('takes the whole list from one variable', () => {
    const [box] = providers({
      FLUXSCRIBE_PROVIDERS: '[{"id":"box","kind":"vllm","baseUrl":"http://gpu:8000/v1"}]',
    });
    assert.equal(box?.kind, 'vllm');
  });

  it('takes a package of the AI SDK, with options as its documentation writes them', () => {
    const [bridge] = providers(
      { GLADIA_API_KEY: 'g-1' },
      'providers:\n  - id: gladia\n    kind: ai-sdk\n    package: "@ai-sdk/gladia"\n    factory: createGladia\n' +
        '    apiKeyEnv: GLADIA_API_KEY\n    options: { gladia: { diarization: true } }\n    models: [{ name: default }]\n',
    );
    assert.deepEqual(
      [bridge?.package, bridge?.factory, bridge?.apiKey, bridge?.options],
      ['@ai-sdk/gladia', 'createGladia', 'g-1', { gladia: { diarization: true } }],
    );
  });

  it('wants a package for the AI SDK alone, by its name and not by a path', () => {
    assert.match(refusal({}, 'providers: [{ id: a, kind: ai-sdk }]'), /'a' has no package.*@ai-sdk\/gladia/);
    assert.match(refusal({}, 'providers: [{ id: a, kind: openai, package: x }]'), /belong to the kind ai-sdk/);
    assert.match(refusal({}, 'providers: [{ id: a, kind: ai-sdk, package: ../x }]'), /the name of an npm package/);
  });

  it('names what is missing or wrong, and shows no key', () => {
    assert.match(refusal({ AZURE_OPENAI_API_KEY: 'key-of-azure' }), /AZURE_OPENAI_ENDPOINT.*address/);
    assert.match(refusal({ OPENAI_API_KEY: 'a b', OPENAI_BASE_URL: 'https://x.example' }), /^OPENAI_API_KEY: must be/);
    assert.match(refusal({ OPENAI_API_KEY: 'sk', OPENAI_BASE_URL: 'nonsense' }), /^OPENAI_BASE_URL: must be an http/);
    assert.match(refusal({}, 'providers: [{ id: box, kind: speaches }]'), /'box' has no baseUrl/);
    assert.match(refusal({}, 'providers: [{ id: local, kind: openai }]'), /providers\.0\.id.*embedded engine/);
    assert.match(refusal({}, 'providers: [{ id: a, kind: openai, apiKeyEnv: GONE }]'), /GONE is not set/);
    assert.match(refusal({}, 'providers: [{ id: a, kind: banana }]'), /providers\.0\.kind/);
    const secret = refusal({ OPENAI_API_KEY: 'with space', AZURE_OPENAI_API_KEY: 'key-of-azure' });
    assert.doesNotMatch(secret, /with space|key-of-azure/);
    assert.doesNotMatch(refusal({ FLUXSCRIBE_PROVIDERS: '[{"apiKey": "s3cret"' }), /s3cret/);
  });
});

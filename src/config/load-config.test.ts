import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { ConfigError, loadConfig } from './load-config.ts';
import { settingList } from './setting-list.ts';

describe('loadConfig', () => {
  let workingDir = '';
  before(() => {
    workingDir = mkdtempSync(join(tmpdir(), 'config-test-'));
  });
  after(() => rmSync(workingDir, { recursive: true }));

  const withFile = (text: string, env: Record<string, string> = {}) => {
    writeFileSync(join(workingDir, 'given.yaml'), text);
    return loadConfig({ env: { ...env, FLUXSCRIBE_CONFIG: 'given.yaml' }, workingDir });
  };
  const refusal = (make: () => unknown): string => {
    try {
      make();
    } catch (thrown) {
      assert.ok(thrown instanceof ConfigError);
      return thrown.message;
    }
    return assert.fail('nothing was refused');
  };

  it('has a default that works for every setting, with absolute paths and counted workers', () => {
    const config = loadConfig({ env: {}, workingDir });
    assert.equal(config.host, '127.0.0.1');
    assert.equal(config.port, 8080);
    assert.equal(config.dataDir, join(workingDir, 'data'));
    assert.equal(config.modelsDir, join(homedir(), '.cache/fluxscribe/models'));
    assert.equal(config.limits.maxUploadBytes, 33_554_432);
    assert.ok(config.engine.workers >= 1 && config.engine.workers <= 8);
  });

  it('leaves a shell its address and key of a server, which are no settings', () => {
    const env = { FLUXSCRIBE_URL: 'http://127.0.0.1:8080', FLUXSCRIBE_KEY: 'flux_x' };
    assert.equal(loadConfig({ env, workingDir }).adminKey, null);
  });

  it('lays the environment over the file, and the file over the defaults', () => {
    const config = withFile('port: 1000\nlogLevel: warn\nlimits:\n  maxAudioSeconds: 60\n  uploadIdleSeconds: 5\n', {
      PORT: '2000',
      FLUXSCRIBE_LIMITS_MAX_AUDIO_SECONDS: '90.5',
    });
    assert.equal(config.port, 2000);
    assert.equal(config.logLevel, 'warn');
    assert.equal(config.limits.maxAudioSeconds, 90.5);
    assert.equal(config.limits.uploadIdleSeconds, 5);
    assert.equal(config.limits.maxConcurrentUploads, 256);
  });

  it('reads booleans, lists and worker counts from the environment', () => {
    const env = {
      FLUXSCRIBE_METRICS_PUBLIC: 'true',
      FLUXSCRIBE_CORS_ORIGINS: 'https://a.example, https://b.example',
      FLUXSCRIBE_ENGINE_WORKERS: '3',
      FLUXSCRIBE_AUDIO_WORKERS: 'auto',
    };
    const config = loadConfig({ env, workingDir });
    assert.equal(config.metrics.public, true);
    assert.deepEqual(config.corsOrigins, ['https://a.example', 'https://b.example']);
    assert.equal(config.engine.workers, 3);
    assert.ok(config.audio.workers >= 1 && config.audio.workers <= 4);
  });

  it('takes a mirror as an address or as a folder', () => {
    const mirror = (value: string) => loadConfig({ env: { FLUXSCRIBE_MODEL_MIRROR: value }, workingDir }).modelMirror;
    assert.equal(mirror('https://mirror.example/models'), 'https://mirror.example/models');
    assert.equal(mirror('../models'), join(workingDir, '../models'));
  });

  it('treats an empty variable as not set', () => {
    assert.equal(loadConfig({ env: { PORT: '', FLUXSCRIBE_MODEL_MIRROR: '' }, workingDir }).port, 8080);
  });

  it('is frozen at every depth', () => {
    const config = loadConfig({ env: {}, workingDir });
    assert.throws(() => Object.assign(config, { port: 1 }), TypeError);
    assert.throws(() => Object.assign(config.limits, { maxUploadBytes: 1 }), TypeError);
  });

  it('refuses an unknown key by name and suggests the nearest one', () => {
    assert.match(
      refusal(() => withFile('prot: 80')),
      /^prot: there is no such setting .* Did you mean port\?$/,
    );
    assert.match(
      refusal(() => withFile('limits:\n  maxUploadByte: 80')),
      /^limits\.maxUploadByte: .* Did you mean limits\.maxUploadBytes\?$/,
    );
    assert.match(
      refusal(() => withFile('zzzzzzzzzz: 80')),
      /given\.yaml\)\.$/,
    );
  });

  it('refuses an unknown FLUXSCRIBE_ variable by name and leaves other variables alone', () => {
    const message = refusal(() => loadConfig({ env: { FLUXSCRIBE_MODEL: 'x', PATH: '/bin' }, workingDir }));
    assert.equal(message, 'FLUXSCRIBE_MODEL: there is no such setting. Did you mean FLUXSCRIBE_MODELS?');
    assert.match(
      refusal(() => loadConfig({ env: { FLUXSCRIBE_POTR: '1' }, workingDir })),
      /Did you mean PORT\?$/,
    );
  });

  it('names the variable or the key of every bad value, with what is allowed', () => {
    assert.match(
      refusal(() => loadConfig({ env: { PORT: '99999' }, workingDir })),
      /^PORT \(port\): .*0 to 65535\.$/,
    );
    assert.match(
      refusal(() => withFile('port: seven')),
      /^port \(in .*given\.yaml\)/,
    );
    assert.match(
      refusal(() => loadConfig({ env: { FLUXSCRIBE_MASTER_KEY: `${'k'.repeat(32)},short` }, workingDir })),
      /^FLUXSCRIBE_MASTER_KEY \(masterKeys\.1\): must be 32 to 256 visible ASCII characters without spaces and commas\.$/,
    );
    const both = refusal(() => withFile('host: 7\nlogLevel: loud'));
    assert.equal(both.split('\n').length, 2);
  });

  it('never shows a secret in a refusal', () => {
    const message = refusal(() => loadConfig({ env: { FLUXSCRIBE_ADMIN_KEY: 'with space' }, workingDir }));
    assert.match(message, /FLUXSCRIBE_ADMIN_KEY/);
    assert.doesNotMatch(message, /with space/);
  });

  it('says which file cannot be read', () => {
    assert.match(
      refusal(() => loadConfig({ env: { FLUXSCRIBE_CONFIG: 'gone.yaml' }, workingDir })),
      /gone\.yaml: cannot be read/,
    );
    assert.match(
      refusal(() => withFile('port: [')),
      /given\.yaml: cannot be read/,
    );
    assert.match(
      refusal(() => withFile('- a\n- b')),
      /must be a map/,
    );
  });
});

describe('settingList', () => {
  it('gives every setting its own variable and a description', () => {
    assert.equal(new Set(settingList.map((one) => one.env)).size, settingList.length);
    for (const setting of settingList) {
      assert.ok(setting.description.length > 20, setting.path.join('.'));
      assert.match(setting.env, /^(HOST|PORT|DATABASE_URL|REDIS_URL|OTEL_EXPORTER_OTLP_ENDPOINT|FLUXSCRIBE_[A-Z_]+)$/);
      assert.notEqual(setting.defaultValue, undefined, setting.path.join('.'));
    }
  });
});

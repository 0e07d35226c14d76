import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { CatalogueError } from '../../src/catalogue/load-catalogue.ts';
import { composeModels } from '../../src/compose-shelf.ts';
import { composeTranscriber } from '../../src/compose-transcriber.ts';
import { loadConfig } from '../../src/config/load-config.ts';
import { silentLog } from '../../src/core/log.ts';
import { answerJson, type FakeVendor, startFakeVendor } from '../helpers/fake-vendor.ts';

const clip = fileURLToPath(new URL('../../examples/hello.wav', import.meta.url));
const vendorText = 'What the vendor heard, and nobody else.';

/** The server's own wiring with the real engine; only the vendor is made up. */
describe("an operator's accurate route", () => {
  let vendor: FakeVendor;
  let folder = '';
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'accurate-route-test-'));
    vendor = await startFakeVendor(answerJson({ text: vendorText }));
  });
  after(async () => {
    await vendor.close();
    rmSync(folder, { recursive: true });
  });

  async function open(settings: Readonly<Record<string, string>>) {
    vendor.requests.length = 0;
    const { FLUXSCRIBE_MODELS, FLUXSCRIBE_MODEL_MIRROR, HOME, PATH } = process.env;
    const config = loadConfig({
      env: {
        FLUXSCRIBE_MODELS,
        FLUXSCRIBE_MODEL_MIRROR,
        HOME,
        PATH,
        FLUXSCRIBE_ENGINE_WORKERS: '1',
        OPENAI_API_KEY: 'sk-test',
        OPENAI_BASE_URL: `${vendor.url}/v1`,
        ...settings,
      },
      workingDir: folder,
    });
    const parts = { config, log: silentLog };
    const shelf = composeModels(parts);
    for (const { id } of shelf.defaultArtifacts) await shelf.store.ensure(id);
    const transcriber = await composeTranscriber(parts, shelf);
    const transcribe = async (model: string, localOnly = false) => {
      const access = { allowedModels: null, localOnly, maxNanosPerMinute: null };
      const { transcript, routedModel, attempts } = await transcriber.transcribe(
        {
          requestId: 'req_test',
          stored: { path: clip, sizeBytes: statSync(clip).size },
          model,
          task: 'transcribe',
          language: null,
          prompt: null,
          temperature: null,
          wantWords: false,
          wantLogprobs: false,
          access,
        },
        new AbortController().signal,
      );
      return { text: transcript.text, routedModel, kinds: attempts.map((one) => one.kind) };
    };
    return { transcriber, transcribe };
  }
  const accurate = { FLUXSCRIBE_ROUTING_ACCURATE: 'openai/gpt-4o-transcribe' };

  it('keeps a first pass that is sure of itself on this machine, and asks the vendor where accuracy is asked for', async () => {
    const { transcriber, transcribe } = await open({ ...accurate, FLUXSCRIBE_ROUTING_KEEP_ABOVE_CONFIDENCE: '0.5' });
    try {
      const auto = await transcribe('flux-voice');
      assert.deepEqual([auto.routedModel, auto.kinds], ['local/moonshine-tiny', ['opening']]);
      assert.notEqual(auto.text, vendorText);
      assert.equal(vendor.requests.length, 0);
      const best = await transcribe('flux-voice-accurate');
      assert.deepEqual([best.text, best.routedModel], [vendorText, 'openai/gpt-4o-transcribe']);
      assert.equal((await transcribe('flux-voice-fast')).kinds.length, 1);
      assert.equal(vendor.requests.length, 1);
    } finally {
      await transcriber.close();
    }
  });

  it('sends on what the first pass is not sure of, but nothing of a key that stays on this machine', async () => {
    const { transcriber, transcribe } = await open({ ...accurate, FLUXSCRIBE_ROUTING_KEEP_ABOVE_CONFIDENCE: '1' });
    try {
      const local = await transcribe('flux-voice', true);
      assert.match(local.routedModel, /^local\//);
      assert.equal(vendor.requests.length, 0);
      const auto = await transcribe('flux-voice');
      assert.deepEqual([auto.text, auto.kinds], [vendorText, ['opening', 'first']]);
    } finally {
      await transcriber.close();
    }
  });

  it('refuses to start with a name that leads nowhere', async () => {
    await assert.rejects(
      open({ FLUXSCRIBE_ROUTING_ACCURATE: 'openai/gone' }),
      (error) => error instanceof CatalogueError && /routing\.accurate: there is no model or alias/.test(error.message),
    );
  });
});

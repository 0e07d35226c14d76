import assert from 'node:assert/strict';
import { tmpdir } from 'node:os';
import { it } from 'node:test';
import { describeAdmin, operatorKey } from '../helpers/admin-gateway.ts';
import { requestRecord } from '../helpers/request-records.ts';
import { type CliResult, runCli } from '../helpers/run-cli.ts';

describeAdmin('commands against a running server', (admin) => {
  const cli = (
    argv: readonly string[],
    env: Readonly<Record<string, string>> = {},
    input?: string,
  ): Promise<CliResult> =>
    runCli(argv, {
      cwd: tmpdir(),
      ...(input !== undefined && { input }),
      env: { FLUXSCRIBE_URL: admin().gateway.url, FLUXSCRIBE_KEY: operatorKey, ...env },
    });

  it('makes an account and a key, each alone on standard output, and a wallet that pays', async () => {
    const { call } = admin();
    const made = await cli(['accounts', 'create', 'Acme & Co', '--plan', 'payg']);
    assert.equal(made.code, 0, made.stderr);
    const id = made.stdout.trim();
    const key = await cli(['keys', 'create', id, 'notes', '--budget', '25', '--scopes', 'transcribe', '--local-only']);
    assert.equal(key.code, 0, key.stderr);
    const own = await call('GET', '/api/me', { key: key.stdout.trim() });
    assert.equal(own.json.id, id);
    const topUp = ['wallet', 'topup', id, '10', '--reference', 'pay-7', '--json'];
    const [first, second] = [await cli(topUp), await cli(topUp)];
    assert.deepEqual(JSON.parse(first.stdout), {
      credited_usd: '10.000000000',
      fee_usd: '0.500000000',
      charged_usd: '10.500000000',
      balance_usd: '10.000000000',
      repeated: false,
    });
    assert.equal(JSON.parse(second.stdout).repeated, true);
    await cli(['wallet', 'grant', id, '0.5', '--memo', 'welcome']);
    const wallet = await cli(['wallet', 'show', id]);
    assert.match(wallet.stdout, /^balance_usd +10\.500000000$/m);
  });

  it('lists keys, and revokes one at once', async () => {
    const { call, newAccount } = admin();
    const { id, key, keyId } = await newAccount();
    const listed = await cli(['keys', 'list', id]);
    assert.match(listed.stdout, new RegExp(`^ID +PREFIX .*\\n${keyId} +${key.slice(0, 12)} +some key +transcribe`));
    assert.ok(!listed.stdout.includes(key));
    assert.equal((await cli(['keys', 'revoke', id, keyId])).code, 0);
    assert.equal((await call('GET', '/api/me', { key })).status, 401);
  });

  it('changes what a key may do, and takes a limit away again', async () => {
    const { newAccount } = admin();
    const { id, keyId } = await newAccount();
    const key = async (...options: string[]) => {
      const done = await cli(['keys', 'update', id, keyId, '--json', ...options]);
      assert.equal(done.code, 0, done.stderr);
      return JSON.parse(done.stdout);
    };
    const limits = ['--budget', '25', '--models', 'flux-voice,whisper-1', '--max-concurrent', '3', '--local-only'];
    const limited = await key(...limits, '--expires', '2099-01-01');
    assert.equal(limited.monthly_budget_usd, '25.000000000');
    assert.deepEqual(limited.allowed_models, ['flux-voice', 'whisper-1']);
    assert.deepEqual(
      [limited.max_concurrent, limited.local_only, limited.expires_at.slice(0, 10)],
      [3, true, '2099-01-01'],
    );
    const freed = await key('--budget', 'none', '--models', 'none', '--no-local-only', '--expires', 'none');
    assert.deepEqual([freed.monthly_budget_usd, freed.allowed_models, freed.expires_at], [null, null, null]);
    assert.deepEqual([freed.local_only, freed.max_concurrent, freed.name], [false, 3, limited.name]);
  });

  it('changes the plan of an account, suspends it and lets it work again', async () => {
    const { id } = await admin().newAccount();
    const moved = await cli(['accounts', 'set-plan', id, 'free', '--json']);
    assert.equal(JSON.parse(moved.stdout).plan, 'free');
    assert.match((await cli(['accounts', 'suspend', id])).stdout, /^status +suspended$/m);
    assert.match((await cli(['accounts', 'resume', id])).stdout, /^status +active$/m);
    const all = (await cli(['accounts', 'list', '--json'])).stdout.trim().split('\n');
    assert.ok(all.some((line) => JSON.parse(line).id === id));
  });

  it('shows the ledger, gives back what a request cost, and who did it', async () => {
    const { newAccount, ledger } = admin();
    const { id } = await newAccount();
    await cli(['wallet', 'topup', id, '1', '--reference', 'pay-8']);
    const hold = await ledger.reserve({
      accountId: id,
      chargeKey: 'req_c1',
      amountNanos: 250_000_000n,
      ttlMs: 60_000,
      requestId: 'req_c1',
      key: null,
    });
    await ledger.settle(hold, { costNanos: 250_000_000n, providerCostNanos: 0n, record: null });
    const refund = await cli(['wallet', 'refund', id, 'req_c1', '--reason', 'bad sound', '--json']);
    assert.equal(JSON.parse(refund.stdout).balance_usd, '1.000000000', refund.stderr);
    const entries = (await cli(['wallet', 'ledger', id, '--json'])).stdout.trim().split('\n');
    assert.deepEqual(
      entries.map((line) => [JSON.parse(line).kind, JSON.parse(line).amount_usd]),
      [
        ['refund', '0.250000000'],
        ['charge', '-0.250000000'],
        ['topup', '1.000000000'],
      ],
    );
    const acts = (await cli(['audit', '--account', id])).stdout;
    assert.match(acts, /^AT +BY KEY +ACT .*\n\S+ +admin-setting +wallet\.refund +/);
  });

  it("keeps an account's vendor key, which it reads from standard input and shows nowhere", async () => {
    const { newAccount } = admin();
    const { id } = await newAccount();
    const secret = 'sk-vendor-key-of-the-account-9876';
    const set = await cli(['provider-keys', 'set', id, 'openai'], {}, `${secret}\n`);
    assert.equal(set.code, 0, set.stderr);
    assert.match(set.stdout, /^last4 +9876$/m);
    const tested = await cli(['provider-keys', 'test', id, 'openai']);
    assert.deepEqual([tested.code, /^ok +true$/m.test(tested.stdout)], [0, true]);
    const listed = await cli(['provider-keys', 'list', id]);
    assert.match(listed.stdout, /^openai +9876 +working/m);
    assert.equal((await cli(['provider-keys', 'remove', id, 'openai'])).code, 0);
    assert.equal((await cli(['provider-keys', 'list', id, '--json'])).stdout, '');
    const empty = await cli(['provider-keys', 'set', id, 'openai'], {}, '');
    assert.deepEqual([empty.code, /standard input/.test(empty.stderr)], [2, true]);
    for (const { stdout, stderr } of [set, tested, listed]) assert.ok(!`${stdout}${stderr}`.includes(secret));
  });

  it('makes a plan with prices and limits, and takes a limit away', async () => {
    const made = await cli([
      ...['plans', 'create', 'crew', '--name', 'Crew', '--models', 'flux-voice,akro-v1', '--requests-per-minute', '60'],
      ...['--price', 'flux-voice=0.08,5', '--price', 'akro-v1=0.2', '--json'],
    ]);
    const plan = JSON.parse(made.stdout);
    assert.deepEqual(
      [plan.allowed_models, plan.requests_per_minute, plan.prices['flux-voice'], plan.prices['akro-v1'].per_minute_usd],
      [
        ['flux-voice', 'akro-v1'],
        60,
        { per_minute_usd: '0.080000000', minimum_seconds: 5, live_per_minute_usd: null },
        '0.200000000',
      ],
    );
    const update = ['plans', 'update', 'crew', '--requests-per-minute', 'none', '--no-transcription', '--json'];
    const changed = JSON.parse((await cli(update)).stdout);
    assert.deepEqual([changed.requests_per_minute, changed.transcription, changed.name], [null, false, 'Crew']);
    assert.match((await cli(['plans', 'list'])).stdout, /^crew +Crew +false/m);
    assert.match((await cli(['plans', 'show', 'crew'])).stdout, /^billing +wallet$/m);
    const wrong = await cli(['plans', 'update', 'crew', '--price', 'flux-voice']);
    assert.deepEqual([wrong.code, /MODEL=DOLLARS/.test(wrong.stderr)], [2, true]);
  });

  it('mints a token for a web page, alone on standard output', async () => {
    const { newAccount, call } = admin();
    const { id, keyId } = await newAccount();
    const minted = await cli(['keys', 'token', id, keyId, '--ttl', '5']);
    assert.match(minted.stdout, /^fluxt_\S+\n$/);
    const own = await call('GET', '/api/me', { key: minted.stdout.trim() });
    assert.equal(own.status, 403);
  });

  it('prints usage as a table that steers no terminal, as JSON lines and as CSV', async () => {
    const { newAccount, usage } = admin();
    const { id: accountId, keyId } = await newAccount();
    const atMs = Date.UTC(2026, 10, 3);
    usage.record(requestRecord({ id: 'req_u1', accountId, keyId, atMs, model: 'red\u001b[31m' }));
    await usage.flush();
    const span = [
      'usage',
      '--from',
      '2026-11-01',
      '--to',
      '2026-11-05',
      '--account',
      accountId,
      '--group-by',
      'day,model',
    ];
    const table = await cli(span);
    assert.match(table.stdout, /^DAY +MODEL +REQUESTS .*\n2026-11-03 +red\ufffd\[31m +1 +0 +30 +30 +0\.500000000/);
    const json = await cli([...span, '--json']);
    assert.equal(JSON.parse(json.stdout).cost_usd, '0.500000000');
    const csv = await cli([...span, '--csv']);
    assert.match(csv.stdout, /^day,model,requests,.*\r\n2026-11-03,/);
    const lengths = await cli(['usage', 'reconcile', '--from', '2026-11-01', '--to', '2026-11-05', '--json']);
    const row = JSON.parse(lengths.stdout);
    assert.deepEqual([row.requests, row.billed_seconds, row.probed_seconds], [1, 30, 30]);
  });

  it('ends with 1 where the server says no or is not there, with 2 where the command line is wrong', async () => {
    const { newAccount } = admin();
    const { id, key } = await newAccount();
    const ends: [string[], Record<string, string>, number, RegExp][] = [
      [['accounts', 'show', 'acc_nobody'], {}, 1, /no such account/],
      [['wallet', 'topup', id, 'much'], {}, 1, /amount_usd/],
      [['accounts', 'list'], { FLUXSCRIBE_KEY: key }, 1, /scope 'admin'/],
      [['accounts', 'list'], { FLUXSCRIBE_URL: 'http://127.0.0.1:9' }, 1, /cannot be asked/],
      [['accounts', 'list'], { FLUXSCRIBE_URL: 'somewhere' }, 2, /Not an address/],
      [['accounts', 'create'], {}, 2, /missing required argument/],
      [['keys', 'create', id, 'x', '--max-concurrent', 'many'], {}, 2, /whole number/],
      [['keys', 'update', id, 'key_1'], {}, 2, /what to change/],
      [['plans', 'update', 'free'], {}, 2, /what to change/],
      [['keys', 'update', id, 'key_1', '--budget', 'much'], {}, 1, /monthly_budget_usd/],
    ];
    const results = await Promise.all(ends.map(([argv, env]) => cli(argv, env)));
    for (const [index, [argv, , code, words]] of ends.entries()) {
      assert.equal(results[index]?.code, code, argv.join(' '));
      assert.match(results[index]?.stderr ?? '', words);
      assert.ok(!results[index]?.stderr.includes(operatorKey));
    }
    const keyless = await runCli(['accounts', 'list'], { cwd: tmpdir(), env: { FLUXSCRIBE_URL: admin().gateway.url } });
    assert.deepEqual([keyless.code, /Which key/.test(keyless.stderr)], [2, true]);
  });
});

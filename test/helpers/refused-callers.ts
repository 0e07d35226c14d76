import { serverKey } from './start-server.ts';

/** What is refused, by whom, and how: the name of the refusal, the key, the model and the answer that is due. */
export interface RefusedCall {
  readonly name: string;
  readonly key: string;
  readonly model: string;
  readonly status: number;
  readonly code: string;
}

/** Callers of a running server that are refused, and one who may ask twenty times a minute. */
export interface RefusedCallers {
  readonly calls: readonly RefusedCall[];
  /** As many requests at once, then one every three seconds. */
  readonly hurried: { readonly key: string; readonly requestsPerMinute: number };
}

const requestsPerMinute = 20;

/** Makes them with the admin API, as an operator would. `premium_locked` is the built-in plan `free`. */
export async function makeRefusedCallers(url: string): Promise<RefusedCallers> {
  const call = async (method: string, path: string, body?: object): Promise<Record<string, unknown>> => {
    const response = await fetch(`${url}/api${path}`, {
      method,
      headers: { authorization: `Bearer ${serverKey}`, 'content-type': 'application/json' },
      ...(body && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return text === '' ? {} : (JSON.parse(text) as Record<string, unknown>);
  };
  const account = async (plan: string, dollars: string | null = '10') => {
    const { id } = await call('POST', '/accounts', { name: 'Refused', plan });
    if (dollars !== null) await call('POST', `/accounts/${id}/wallet/grants`, { amount_usd: dollars });
    return String(id);
  };
  const keyOf = async (accountId: string, more: object = {}) => {
    const { id, key } = await call('POST', `/accounts/${accountId}/keys`, { name: 'key', ...more });
    return { id: String(id), key: String(key) };
  };
  await call('POST', '/plans', { id: 'small-uploads', name: 'Small uploads', max_upload_mb: 0.001 });
  const paying = await account('payg');
  const suspended = await account('payg');
  const suspendedKey = await keyOf(suspended);
  await call('PATCH', `/accounts/${suspended}`, { status: 'suspended' });
  const revoked = await keyOf(paying);
  await call('DELETE', `/accounts/${paying}/keys/${revoked.id}`);
  const refused = async (name: string, status: number, code: string, key: Promise<{ key: string }> | string) => {
    const model = code === 'model_not_found' ? 'gpt-9-ears' : 'flux-voice';
    return { name, key: typeof key === 'string' ? key : (await key).key, model, status, code };
  };
  const calls = [
    await refused('a key that nobody has', 401, 'invalid_api_key', 'flux_nobody'),
    await refused('a key that was revoked', 401, 'invalid_api_key', revoked.key),
    await refused('an empty wallet', 402, 'insufficient_credits', keyOf(await account('payg', null))),
    await refused('a plan without transcription', 402, 'premium_locked', keyOf(await account('free'))),
    await refused('a suspended account', 403, 'account_suspended', suspendedKey.key),
    await refused('a key for sockets', 403, 'permission_denied', keyOf(paying, { scopes: ['live'] })),
    await refused('another model', 403, 'model_not_allowed', keyOf(paying, { allowed_models: ['flux-voice-fast'] })),
    await refused('a model that is not there', 404, 'model_not_found', keyOf(paying)),
    await refused('an upload above the plan', 413, 'payload_too_large', keyOf(await account('small-uploads'))),
    await refused('a spent month', 429, 'budget_exhausted', keyOf(paying, { monthly_budget_usd: '0.000000001' })),
  ];
  const { key } = await keyOf(paying, { requests_per_minute: requestsPerMinute });
  return { calls, hurried: { key, requestsPerMinute } };
}

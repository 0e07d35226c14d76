/** What a key may do: `admin` opens metrics, accounts and settings; `live` opens sockets, `jobs` the queue. */
export type Scope = 'transcribe' | 'live' | 'jobs' | 'admin';

export const allScopes: readonly Scope[] = ['transcribe', 'live', 'jobs', 'admin'];

import type { AdminClient } from './admin-client.ts';
import { type Columns, showRows } from './show-rows.ts';

const columns: Columns = {
  at: 'AT',
  actor_key_id: 'BY KEY',
  action: 'ACT',
  account_id: 'ACCOUNT',
  target: 'TARGET',
  details: 'DETAILS',
};

/** Who did what, newest first. */
export function listAudit(client: AdminClient, accountId: string | undefined, asJson: boolean): Promise<void> {
  return showRows(client.pages('/api/audit', { account_id: accountId }), columns, asJson);
}

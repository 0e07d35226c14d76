import type { AuditEntry } from '../core/audit-entry.ts';
import type { Page, PageAsk } from '../core/page.ts';

export interface KeptAuditEntry extends AuditEntry {
  readonly id: string;
  readonly at: Date;
}

/**
 * Every act of an administrator; its rows are never changed or removed. What happens in the database is written down by the
 * store that does it, in the same commit (`Note`).
 */
export interface AuditLog {
  /** For acts outside of the database: before they begin, so that none goes unrecorded. */
  write(entry: AuditEntry): Promise<void>;
  /** Newest first; `accountId` null: of all accounts. */
  list(accountId: string | null, page: PageAsk): Promise<Page<KeptAuditEntry>>;
}

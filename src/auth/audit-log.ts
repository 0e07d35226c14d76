import type { Page, PageAsk } from '../core/page.ts';

/** Who did what, when, to what. Never a secret: `details` names what changed, keys by id. */
export interface AuditEntry {
  /** Key that acted; null: the command line on this machine. */
  readonly actorKeyId: string | null;
  /** Noun and verb, such as `key.revoke`. */
  readonly action: string;
  readonly accountId: string | null;
  /** Id of what was acted on. */
  readonly target: string | null;
  readonly details: Readonly<Record<string, string | number | boolean | null | readonly string[]>>;
  readonly requestId: string | null;
}

export interface KeptAuditEntry extends AuditEntry {
  readonly id: string;
  readonly at: Date;
}

/** Every act of an administrator; its rows are never changed or removed. */
export interface AuditLog {
  write(entry: AuditEntry): Promise<void>;
  /** Newest first; `accountId` null: of all accounts. */
  list(accountId: string | null, page: PageAsk): Promise<Page<KeptAuditEntry>>;
}

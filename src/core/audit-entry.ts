/** Who did what, when, to what. Never a secret: `details` names what changed, keys by id. */
export interface AuditEntry {
  /** Key that acted; null: the server's settings, or the command line on its machine. */
  readonly actorKeyId: string | null;
  /** Noun and verb, such as `key.revoke`. */
  readonly action: string;
  readonly accountId: string | null;
  /** Id of what was acted on. */
  readonly target: string | null;
  readonly details: Readonly<Record<string, string | number | boolean | null | readonly string[]>>;
  readonly requestId: string | null;
}

/** What is to be written down about an act, in the same commit as the act, out of what came of it. */
export type Note<Outcome = void> = (outcome: Outcome) => AuditEntry;

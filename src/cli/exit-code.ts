/** What the process says to a shell. */
export const exitCode = {
  ok: 0,
  /** Something could not be done; standard error says what. */
  failed: 1,
  /** The command line or the settings are wrong; nothing was begun. */
  usage: 2,
} as const;

/** What the process says to a shell. */
export const exitCode = {
  ok: 0,
  /** Something could not be done; standard error says what. */
  failed: 1,
  /** The command line or the settings are wrong; nothing was begun. */
  usage: 2,
  /** Ended by Ctrl-C or SIGTERM before everything was done; 128 + SIGINT, as shells have it. */
  interrupted: 130,
} as const;

/** Structured log. Messages are constant text; what varies goes into fields. Never a transcript, prompt, key or file name. */
export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
  child(fields: object): Log;
}

/** A log that says nothing, for tests and libraries without one. */
export const silentLog: Log = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  child: () => silentLog,
};

/** The log's child with these fields, made when it is first written to: most requests have nothing to say. */
export function childOnDemand(log: Log, fields: object): Log {
  let made: Log | null = null;
  const child = () => (made ??= log.child(fields));
  return {
    debug: (more, message) => child().debug(more, message),
    info: (more, message) => child().info(more, message),
    warn: (more, message) => child().warn(more, message),
    error: (more, message) => child().error(more, message),
    child: (more) => childOnDemand(log, { ...fields, ...more }),
  };
}

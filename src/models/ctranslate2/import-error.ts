import { type ErrorCode, GatewayError } from '../../core/errors.ts';

/** What a model folder has wrong. The text names files of the model's format and its variables, never a path. */
export function importError(problem: string, cause?: unknown, code: ErrorCode = 'invalid_value'): GatewayError {
  return new GatewayError(code, `This model cannot be imported: ${problem}`, cause === undefined ? {} : { cause });
}

/** Something sound that we do not take; the text says what would be taken. */
export function unsupportedModel(problem: string): GatewayError {
  return importError(problem, undefined, 'unsupported_value');
}

/**
 * Failures of the disk as GatewayErrors: `storage_full` when it is full, `invalid_value` for a file that is not there or
 * cannot be read. Other errors come back as they are.
 */
export function diskError(thrown: unknown, fileName: string): unknown {
  if (!(thrown instanceof Error) || !('code' in thrown)) return thrown;
  switch (thrown.code) {
    case 'ENOSPC':
    case 'EDQUOT':
      return importError(`the disk has no room for ${fileName}.`, thrown, 'storage_full');
    case 'ENOENT':
    case 'ENOTDIR':
      return importError(`the folder has no ${fileName}.`, thrown);
    case 'EISDIR':
      return importError(`${fileName} is a folder.`, thrown);
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
    case 'EIO':
      return importError(`${fileName} cannot be read or written (${thrown.code}).`, thrown);
    default:
      return thrown;
  }
}

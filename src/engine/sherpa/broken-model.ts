import { GatewayError } from '../../core/errors.ts';

/**
 * The error for a model folder that must not be handed to sherpa-onnx. `what` says what is wrong with the file, or with the
 * folder when `fileName` is null; a file's bare name at most, no path.
 */
export function brokenModel(fileName: string | null, what: string, cause?: unknown): GatewayError {
  const subject = fileName === null ? 'The model folder' : `The model file ${fileName}`;
  return new GatewayError('no_model_installed', `${subject} ${what}. Remove the model and pull or import it again.`, {
    cause,
  });
}

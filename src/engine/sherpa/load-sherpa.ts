import type sherpa from 'sherpa-onnx-node';
import { GatewayError } from '../../core/errors.ts';

export type SherpaLibrary = typeof sherpa;

/**
 * The native library, which operators install themselves: its prebuilt form contains espeak-ng (GPL-3.0-or-later), so it
 * is no part of this product. Throws GatewayError that says what to do. `importModule` is there for tests.
 */
export async function loadSherpa(
  importModule: () => Promise<{ readonly default: SherpaLibrary }> = () => import('sherpa-onnx-node'),
): Promise<SherpaLibrary> {
  try {
    return (await importModule()).default;
  } catch (thrown) {
    const absent = thrown instanceof Error && 'code' in thrown && thrown.code === 'ERR_MODULE_NOT_FOUND';
    const problem = absent
      ? 'which is not installed. Install it beside fluxscribe: npm install sherpa-onnx-node'
      : 'whose native part for this platform cannot be loaded. Install it again: npm install sherpa-onnx-node';
    throw new GatewayError(
      'no_model_installed',
      `This model runs in sherpa-onnx, ${problem}. (sherpa-onnx is Apache-2.0, but its prebuilt library contains ` +
        'espeak-ng, which is GPL-3.0-or-later: who passes on an installation with it has to follow that licence.)',
      { cause: thrown },
    );
  }
}

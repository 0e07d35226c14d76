import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { GatewayError } from '../../core/errors.ts';
import { loadSherpa } from './load-sherpa.ts';

describe('the sherpa-onnx library', () => {
  it('is asked for by name, with what its licence means, when it is not installed', async () => {
    const absent = 'a-package-that-nobody-has-installed';
    await assert.rejects(
      loadSherpa(() => import(absent)),
      (error: unknown) => {
        assert.ok(error instanceof GatewayError);
        assert.equal(error.code, 'no_model_installed');
        assert.match(error.message, /not installed\. .*npm install sherpa-onnx-node/);
        assert.match(error.message, /GPL-3\.0/);
        return true;
      },
    );
  });

  it('is told apart from one whose native part does not load', async () => {
    const failing = () => Promise.reject(new Error('Could not find sherpa-onnx-node. Tried …'));
    await assert.rejects(loadSherpa(failing), /native part for this platform cannot be loaded/);
  });
});

import type { WorkerModel } from '../protocol.ts';
import type { SherpaLoader } from './find-model-files.ts';

/** A model of the worker's setup that runs in sherpa-onnx. */
export interface SherpaWorkerModel extends WorkerModel {
  readonly loader: SherpaLoader;
}

export function isSherpaModel(model: WorkerModel): model is SherpaWorkerModel {
  return model.loader.startsWith('sherpa-');
}

/**
 * Run by tests in a process of its own. Each argument is `loader=folder`: it is opened as an engine process does, and one
 * line says what came of it. `unchecked=folder` gives the files of a Parakeet to sherpa-onnx as they are.
 */
import { join } from 'node:path';
import sherpa from 'sherpa-onnx-node';
import { GatewayError } from '../../src/core/errors.ts';
import type { SherpaLoader } from '../../src/engine/sherpa/find-model-files.ts';
import { SherpaModel } from '../../src/engine/sherpa/sherpa-model.ts';

const loaders: readonly string[] = [
  'sherpa-sense-voice',
  'sherpa-nemo-transducer',
  'sherpa-zipformer-streaming',
] satisfies readonly SherpaLoader[];
const isLoader = (word: string): word is SherpaLoader => loaders.includes(word);

for (const word of process.argv.slice(2)) {
  const [loader = '', folder = ''] = word.split('=');
  console.log(isLoader(loader) ? await openChecked(loader, folder) : await openUnchecked(folder));
}

async function openChecked(loader: SherpaLoader, folder: string): Promise<string> {
  const noDetector = { probabilities: () => Promise.reject(new Error('the detector was asked')) };
  try {
    await SherpaModel.open({ id: 'made-up', loader, folder }, noDetector, 1);
    return 'opened';
  } catch (thrown) {
    if (!(thrown instanceof GatewayError)) throw thrown;
    return `${thrown.code}: ${thrown.message}`;
  }
}

async function openUnchecked(folder: string): Promise<string> {
  const [encoder, decoder, joiner] = ['encoder', 'decoder', 'joiner'].map((part) => join(folder, `${part}.int8.onnx`));
  await sherpa.OfflineRecognizer.createAsync({
    modelConfig: {
      transducer: { encoder, decoder, joiner },
      modelType: 'nemo_transducer',
      tokens: join(folder, 'tokens.txt'),
      numThreads: 1,
      provider: 'cpu',
    },
    decodingMethod: 'greedy_search',
  });
  return 'opened';
}

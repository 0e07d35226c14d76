import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import { join } from 'node:path';
import { sherpaTokenLines } from './sherpa-tokens.ts';

/** sherpa-onnx by itself: one thread, whole clips, nothing around it. What our engine is measured against. */
export interface BareSherpa {
  /** Text of mono float32 at 16 kHz. Blocks. */
  recognise(pcm: Float32Array): string;
}

/** The part of `sherpa-onnx-node` that is used here; the package ships no types. */
interface SherpaRecogniser {
  createStream(): { acceptWaveform(wave: { sampleRate: number; samples: Float32Array }): void };
  decode(stream: unknown): void;
  getResult(stream: unknown): { text: string };
}

/** Loads Moonshine from a folder with its two model files. */
export function openBareSherpa(modelFolder: string): BareSherpa {
  const folder = mkdtempSync(join(os.tmpdir(), 'fluxscribe-bare-'));
  try {
    const tokens = join(folder, 'tokens.txt');
    writeFileSync(tokens, sherpaTokenLines().join('\n'));
    const sherpa = createRequire(import.meta.url)('sherpa-onnx-node') as {
      OfflineRecognizer: new (config: object) => SherpaRecogniser;
    };
    const recogniser = new sherpa.OfflineRecognizer({
      modelConfig: {
        moonshine: {
          encoder: join(modelFolder, 'encoder_model.onnx'),
          mergedDecoder: join(modelFolder, 'decoder_model_merged.onnx'),
        },
        tokens,
        numThreads: 1,
        provider: 'cpu',
      },
    });
    return {
      recognise(pcm) {
        const stream = recogniser.createStream();
        stream.acceptWaveform({ sampleRate: 16_000, samples: pcm });
        recogniser.decode(stream);
        return recogniser.getResult(stream).text;
      },
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { openBenchEngine } from '../../bench/support/bench-engine.ts';
import { createAudioOpener } from '../../src/audio/opener.ts';
import { silentLog } from '../../src/core/log.ts';
import type { SpeechTask } from '../../src/engine/speech-model.ts';
import { SileroVad } from '../../src/engine/vad/silero-vad.ts';
import { Whisper } from '../../src/engine/whisper/whisper.ts';
import { WindowRecogniser } from '../../src/engine/window-recogniser.ts';

/** Where the ready Whisper model lies on some machines. */
export const whisperFolder = fileURLToPath(new URL('../../../shared/models/whisper-base/', import.meta.url));

/** Why tests with the real model are left out; false where it is there. */
export const withoutWhisper = existsSync(whisperFolder)
  ? false
  : 'needs ../shared/models/whisper-base beside the repository';

/** The samples of a recording, mono at 16 kHz. */
export async function soundOf(path: string): Promise<Float32Array> {
  const opener = createAudioOpener({ workers: 1, maxOpenRequests: 4, log: silentLog });
  try {
    const { signal } = new AbortController();
    const audio = await opener.open({ path, sizeBytes: readFileSync(path).length }, { maxDurationMs: 60_000 }, signal);
    const chunks: number[] = [];
    for await (const chunk of audio.pcm(signal)) chunks.push(...chunk);
    return Float32Array.from(chunks);
  } finally {
    await opener.close();
  }
}

export interface HearAsk {
  readonly language?: string;
  readonly task?: SpeechTask;
  readonly hint?: string;
}

/** Whisper base, and windows heard with it as an engine process hears them, with word times. */
export async function openWhisperBase() {
  const bench = await openBenchEngine(1);
  await bench.close();
  const vad = await SileroVad.open(bench.store.path('silero-vad', 'silero_vad_v5.onnx'));
  const whisper = await Whisper.open(whisperFolder, 1);
  const recogniser = new WindowRecogniser(vad);
  return {
    whisper,
    hear(pcm: Float32Array, { language, task, hint }: HearAsk = {}) {
      const ask = {
        wantTimes: true,
        task: task ?? 'transcribe',
        language: language ?? null,
        languageHint: hint ?? null,
      } as const;
      return recogniser.recognise({ id: 'whisper-base', model: whisper }, pcm, null, ask, () => false);
    },
  };
}

/** The text of tokens. */
export function textOfTokens(model: Whisper, ids: readonly number[]): string {
  return Buffer.concat(ids.map((id) => model.tokenizer.bytes(id))).toString('utf8');
}

/** Words alone, in lower case. */
export function plainWords(text: string): string {
  return text
    .toLowerCase()
    .replace(/[^a-z ]/g, '')
    .trim();
}

import { z } from 'zod';
import { GatewayError } from '../../core/errors.ts';

/** One token as sherpa-onnx spells it: a space for a leading "▁", `<0xE4>` for a single byte. */
export interface HeardPieceToken {
  readonly shown: string;
  /** From the start of the piece. */
  readonly startMs: number;
  /** null: the model does not say how long it lasts. */
  readonly endMs: number | null;
  /** Natural-log probability; null: the model does not say. */
  readonly logprob: number | null;
}

export interface HeardPiece {
  readonly tokens: readonly HeardPieceToken[];
  /** What the model found to be spoken; null: it does not say. */
  readonly language: string | null;
}

/** A recogniser of sherpa-onnx behind one call. */
export interface SherpaDecoder {
  /**
   * Decodes one piece of sound at 16 kHz: at least `LEAST_SAMPLES`, all finite (sherpa-onnx ends the process over less).
   * `language` is one of the model's; null: find out. `shouldStop` is asked where the work can be left.
   */
  decode(samples: Float32Array, language: string | null, shouldStop: () => boolean): Promise<HeardPiece>;
}

export const SAMPLE_RATE = 16_000;

/**
 * Shorter pieces are filled up with silence. Under 80 samples end the process in any model; SenseVoice stacks seven frames
 * of features and needs 1,360.
 */
export const LEAST_SAMPLES = SAMPLE_RATE / 2;

const answerSchema = z.object({
  lang: z.string().optional(),
  tokens: z.array(z.string()),
  /** Seconds. */
  timestamps: z.array(z.number()),
  durations: z.array(z.number()).optional(),
  /** The name that offline recognisers use, and the one of streaming ones. */
  ys_log_probs: z.array(z.number()).optional(),
  ys_probs: z.array(z.number()).optional(),
});

/**
 * Runs a call of sherpa-onnx that ends in an answer, and reads it. The library writes its JSON by hand (a token that is a
 * control character, or a score that is not a number, makes it unreadable). Throws GatewayError `server_error`.
 */
export async function readAnswer(answer: () => unknown): Promise<HeardPiece> {
  let parsed: z.infer<typeof answerSchema>;
  try {
    parsed = answerSchema.parse(await answer());
  } catch (thrown) {
    throw new GatewayError('server_error', 'sherpa-onnx gave an answer that cannot be read.', { cause: thrown });
  }
  const { tokens, timestamps, durations = [] } = parsed;
  const logprobs = parsed.ys_log_probs ?? parsed.ys_probs ?? [];
  if (timestamps.length !== tokens.length) {
    throw new GatewayError(
      'server_error',
      `sherpa-onnx gave ${tokens.length} tokens and ${timestamps.length} times for them.`,
    );
  }
  return {
    tokens: tokens.map((shown, index) => {
      const startMs = Math.max(0, timestamps[index]! * 1_000);
      const duration = durations.length === tokens.length ? durations[index]! : null;
      const logprob = logprobs.length === tokens.length ? Math.min(0, logprobs[index]!) : null;
      return { shown, startMs, endMs: duration === null ? null : startMs + duration * 1_000, logprob };
    }),
    language: /^<\|([a-z]{2,3})\|>$/.exec(parsed.lang ?? '')?.[1] ?? null,
  };
}

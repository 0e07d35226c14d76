import { setTimeout as sleep } from 'node:timers/promises';
import { type FakeSocketVendor, startFakeSocketVendor } from './fake-socket-vendor.ts';
import {
  answerEvents,
  answerJson,
  type FakeVendor,
  formOf,
  startFakeVendor,
  type VendorBehaviour,
} from './fake-vendor.ts';
import { speech } from './speech.ts';

/** Vendors on loopback that answer in their own shapes, and all hear what the clip of the repository says. */
export interface SpeechVendors {
  readonly openai: FakeVendor;
  readonly mistral: FakeVendor;
  readonly siliconflow: FakeVendor;
  readonly deepgram: FakeSocketVendor;
  /** What an operator sets to have them behind the address, each base as the vendor's own SDK means it. */
  readonly env: Readonly<Record<string, string>>;
  /** Forgets what was asked, and lets all of them work again. */
  reset(): void;
  close(): Promise<void>;
}

export const vendorKey = 'sk-of-the-operator-0123456789';

/** Words evenly spread over the clip. */
export const clipWords = speech.text.split(' ').map((word, index, all) => ({
  word,
  start: Math.round((index * speech.seconds * 1000) / all.length) / 1000,
  end: Math.round(((index + 1) * speech.seconds * 1000) / all.length) / 1000,
}));

const segment = {
  id: 0,
  seek: 0,
  start: 0,
  end: speech.seconds,
  text: ` ${speech.text}`,
  tokens: [50364, 2425, 11, 1002, 13, 50574],
  temperature: 0,
  avg_logprob: -0.28,
  compression_ratio: 0.7,
  no_speech_prob: 0.1,
};

/** The usage that a token-priced model reports. */
export const tokenUsage = {
  type: 'tokens',
  input_tokens: 14,
  output_tokens: 11,
  total_tokens: 25,
  input_token_details: { audio_tokens: 14, text_tokens: 0 },
};

/** OpenAI: whisper-1 in every format, the token-priced models in `json` and as a stream; anything else is refused. */
const openai: VendorBehaviour = async (request, response) => {
  const form = await formOf(request);
  const format = form.get('response_format') ?? 'json';
  const isWhisper = form.get('model') === 'whisper-1';
  const granularities = form.getAll('timestamp_granularities[]');
  if (!isWhisper && (format !== 'json' || granularities.length > 0)) {
    const error = {
      message: 'Not with this model.',
      type: 'invalid_request_error',
      param: 'response_format',
      code: null,
    };
    return answerJson({ error }, 400)(request, response);
  }
  if (form.get('stream') === 'true') {
    const events = [
      { type: 'transcript.text.delta', delta: speech.text },
      { type: 'transcript.text.done', text: speech.text, usage: tokenUsage },
    ];
    return answerEvents(events.map((one) => `data: ${JSON.stringify(one)}\n\n`))(request, response);
  }
  const usage = isWhisper ? { type: 'duration', seconds: Math.ceil(speech.seconds) } : tokenUsage;
  if (format === 'json') return answerJson({ text: speech.text, usage })(request, response);
  return answerJson({
    task: 'transcribe',
    language: 'english',
    duration: speech.seconds,
    text: speech.text,
    ...((granularities.length === 0 || granularities.includes('segment')) && { segments: [segment] }),
    ...(granularities.includes('word') && { words: clipWords }),
    usage,
  })(request, response);
};

/** Mistral: bare field names, one granularity, which is `segment`. */
const mistral: VendorBehaviour = async (request, response) => {
  const form = await formOf(request);
  const granularities = form.getAll('timestamp_granularities');
  if (form.has('timestamp_granularities[]') || granularities.some((one) => one !== 'segment')) {
    return answerJson({ object: 'error', message: 'Invalid granularity.', type: 'invalid_request' }, 400)(
      request,
      response,
    );
  }
  return answerJson({
    model: 'voxtral-mini-2602',
    text: speech.text,
    language: null,
    segments: granularities.length === 0 ? [] : [{ type: 'transcription_segment', ...segment, score: 0.9 }],
    usage: {
      prompt_audio_seconds: Math.ceil(speech.seconds),
      prompt_tokens: 4,
      completion_tokens: 30,
      total_tokens: 34,
    },
  })(request, response);
};

/** SiliconFlow: a file and a model, and a text. */
const siliconflow: VendorBehaviour = async (request, response) => {
  const form = await formOf(request);
  const others = [...form.keys()].filter((name) => name !== 'file' && name !== 'model');
  return others.length > 0
    ? answerJson({ code: 20015, message: 'The parameter is invalid.', data: null }, 400)(request, response)
    : answerJson({ text: `<|en|><|NEUTRAL|><|Speech|>${speech.text}` })(request, response);
};

export async function startSpeechVendors(): Promise<SpeechVendors> {
  const [first, second, third, deepgram] = await Promise.all([
    startFakeVendor(openai),
    startFakeVendor(mistral),
    startFakeVendor(siliconflow),
    startFakeSocketVendor(),
  ]);
  deepgram.behave({
    async onText(_text, socket) {
      const turn = {
        type: 'TurnInfo',
        event: 'EndOfTurn',
        turn_index: 0,
        audio_window_start: 0,
        audio_window_end: speech.seconds,
        transcript: speech.text,
        words: clipWords.map((one) => ({ ...one, confidence: 0.97 })),
        end_of_turn_confidence: 0.9,
        trigger: 'model',
        languages: ['en'],
      };
      socket.sendText(JSON.stringify({ request_id: 'b7', sequence_id: 0, type: 'Connected' }));
      socket.sendText(JSON.stringify({ request_id: 'b7', sequence_id: 1, ...turn }));
      // The frame leaves before the connection does.
      await sleep(10);
      socket.close(null);
    },
  });
  const reset = () => {
    for (const vendor of [first, second, third]) vendor.requests.length = 0;
    first.behave(openai);
    second.behave(mistral);
    third.behave(siliconflow);
  };
  return {
    openai: first,
    mistral: second,
    siliconflow: third,
    deepgram,
    env: {
      OPENAI_API_KEY: vendorKey,
      OPENAI_BASE_URL: `${first.url}/v1`,
      MISTRAL_API_KEY: vendorKey,
      MISTRAL_BASE_URL: second.url,
      SILICONFLOW_API_KEY: vendorKey,
      SILICONFLOW_BASE_URL: `${third.url}/v1`,
      DEEPGRAM_API_KEY: vendorKey,
      DEEPGRAM_BASE_URL: deepgram.url,
    },
    reset,
    async close() {
      await Promise.all([first.close(), second.close(), third.close(), deepgram.close()]);
    },
  };
}

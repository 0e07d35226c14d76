import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  answerJson,
  answerText,
  answerTruncated,
  type FakeVendor,
  formOf,
  resetConnection,
  stall,
  startFakeVendor,
  type VendorBehaviour,
} from '../../test/helpers/fake-vendor.ts';
import { SeededRandom } from './seeded-random.ts';

/** A recording of the chaos run, and what is said in it. */
export interface ChaosClip {
  readonly name: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** '' where nobody speaks. */
  readonly text: string;
  readonly seconds: number;
}

/** What a vendor does instead of answering, with how often of a hundred calls. */
const faults: readonly (readonly [name: string, weight: number, behaviour: (clip: ChaosClip) => VendorBehaviour])[] = [
  ['reset', 12, () => resetConnection],
  ['stall', 5, () => stall],
  ['500', 10, () => answerJson({ error: { message: 'internal error' } }, 500)],
  ['503 for a second', 5, () => answerJson({ error: 'loading' }, 503, { 'retry-after': '1' })],
  ['429', 7, () => answerJson({ error: { message: 'slow down' } }, 429)],
  ['429 for a while', 1, () => answerJson({ error: { message: 'slow down' } }, 429, { 'retry-after': '3' })],
  ['401', 2, () => answerJson({ error: { message: 'no such key' } }, 401)],
  ['garbage', 7, () => answerText('<html><body>It works!</body></html>')],
  ['other JSON', 5, () => answerJson({ status: 'done' })],
  ['cut body', 8, (clip) => answerTruncated(JSON.stringify(replyOf(clip, clip.text)))],
  ['empty text', 8, (clip) => answerJson(replyOf(clip, ''))],
  ['truncated text', 8, (clip) => answerJson(replyOf(clip, clip.text.split(' ', 2).join(' ')))],
  ['loop', 4, (clip) => answerJson(replyOf(clip, clip.text && 'Thank you for watching. '.repeat(60).trim()))],
];
/** The rest of the hundred is answered well, some of it slowly. */
const slowShare = 5;

function replyOf({ seconds }: ChaosClip, text: string) {
  return {
    task: 'transcribe',
    language: 'english',
    duration: seconds,
    text,
    segments:
      text === '' ? [] : [{ id: 0, start: 0, end: seconds, text: ` ${text}`, avg_logprob: -0.2, no_speech_prob: 0.01 }],
  };
}

/** Vendors on loopback with what they did, by the name of the behaviour. */
export interface ChaosVendor {
  readonly vendor: FakeVendor;
  readonly done: Map<string, number>;
}

/** The number of a request travels as its prompt, so that every vendor knows what to do whatever comes first. */
export function chaosPrompt(number: number): string {
  return `chaos ${number}`;
}

/** Does what chance says for its name, the request's number and how often it was asked for it. */
export async function startFaultyVendor(name: string, seed: number, clips: readonly ChaosClip[]): Promise<ChaosVendor> {
  const asked = new Map<string, number>();
  return start(clips, (clip, prompt) => {
    const times = (asked.get(prompt) ?? 0) + 1;
    asked.set(prompt, times);
    const digest = createHash('sha256').update(`${seed} ${name} ${prompt} ${times}`).digest();
    let draw = new SeededRandom(digest.readUInt32LE()).below(100);
    for (const [fault, weight, behaviour] of faults) {
      if (draw < weight) return [fault, behaviour(clip)];
      draw -= weight;
    }
    return draw < slowShare ? ['slow answer', slowly(answerJson(replyOf(clip, clip.text)))] : well(clip);
  });
}

/** Always answers, and well. */
export function startHealthyVendor(clips: readonly ChaosClip[]): Promise<ChaosVendor> {
  return start(clips, well);
}

const well = (clip: ChaosClip): [string, VendorBehaviour] => ['answer', answerJson(replyOf(clip, clip.text))];

const slowly =
  (behaviour: VendorBehaviour): VendorBehaviour =>
  async (request, response) => {
    await sleep(300);
    await behaviour(request, response);
  };

async function start(
  clips: readonly ChaosClip[],
  choose: (clip: ChaosClip, prompt: string) => readonly [string, VendorBehaviour],
): Promise<ChaosVendor> {
  const done = new Map<string, number>();
  const vendor = await startFakeVendor(async (request, response) => {
    const form = await formOf(request);
    const file = form.get('file');
    const sizeBytes = file instanceof File ? file.size : 0;
    const clip = clips.find((one) => one.bytes.length === sizeBytes);
    if (!clip) throw new Error(`a recording of ${sizeBytes} bytes that nobody sent`);
    const [what, behaviour] = choose(clip, String(form.get('prompt')));
    done.set(what, (done.get(what) ?? 0) + 1);
    await behaviour(request, response);
  });
  return { vendor, done };
}

import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { diskError, importError } from './import-error.ts';

/** What CTranslate2's converter writes beside the weights; files that it does not read are not read here either. */
const configSchema = z.object({
  /** Layer and head of the cross attention that follow the words. Fine-tunes may lack them. */
  alignment_heads: z.array(z.tuple([z.int(), z.int()])).nullish(),
  /** Tokens that are never wanted. */
  suppress_ids: z.array(z.int()).nullish(),
});

export type WhisperConfig = z.infer<typeof configSchema>;

/** The largest known are 5 kB and 1.1 MB. */
const maxConfigBytes = 1024 * 1024;
const maxVocabularyBytes = 16 * 1024 * 1024;

/** `config.json` of a CTranslate2 Whisper folder. */
export async function readWhisperConfig(folder: string): Promise<WhisperConfig> {
  const parsed = configSchema.safeParse(
    parseJson(await readText(folder, 'config.json', maxConfigBytes), 'config.json'),
  );
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw importError(`config.json is not as CTranslate2 writes it: ${issue?.path.join('.')}: ${issue?.message}.`);
}

/** All tokens in the order of their numbers, from `vocabulary.json` (newer) or `vocabulary.txt`. */
export async function readVocabulary(folder: string): Promise<readonly string[]> {
  if (await isThere(join(folder, 'vocabulary.json'))) {
    const text = await readText(folder, 'vocabulary.json', maxVocabularyBytes);
    const parsed = z.array(z.string()).safeParse(parseJson(text, 'vocabulary.json'));
    if (parsed.success) return parsed.data;
    throw importError('vocabulary.json is no list of tokens.');
  }
  const lines = (await readText(folder, 'vocabulary.txt', maxVocabularyBytes)).split('\n');
  if (lines.at(-1) === '') lines.pop();
  // A file that went through Windows: CTranslate2 too takes the returns away only when every line has one.
  return lines.every((line) => line.endsWith('\r')) ? lines.map((line) => line.slice(0, -1)) : lines;
}

async function readText(folder: string, name: string, maxBytes: number): Promise<string> {
  try {
    const path = join(folder, name);
    const { size } = await stat(path);
    if (size > maxBytes) throw importError(`${name} has ${size} bytes; more than ${maxBytes} are never needed.`);
    return new TextDecoder('utf-8', { fatal: true }).decode(await readFile(path));
  } catch (thrown) {
    if (thrown instanceof TypeError) throw importError(`${name} is no UTF-8 text.`, thrown);
    throw diskError(thrown, name);
  }
}

function parseJson(text: string, name: string): unknown {
  try {
    return JSON.parse(text);
  } catch (thrown) {
    throw importError(`${name} is no JSON.`, thrown);
  }
}

async function isThere(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch {
    // For whatever reason: the other name is tried, and its error is the one to show.
    return false;
  }
}

import type { HeardToken, HeardWord } from '../protocol.ts';
import type { GreedyResult, Tokenizer } from '../speech-model.ts';

/**
 * A model's tokens as words of English: a token that begins with a space begins a word. Times and confidence are not known
 * yet. Tokens of nothing but space stand for no word.
 */
export function writtenWords(tokenizer: Tokenizer, heard: Pick<GreedyResult, 'ids' | 'logprobs'>): HeardWord[] {
  const groups: HeardToken[][] = [];
  heard.ids.forEach((id, index) => {
    const token = { id, bytes: tokenizer.bytes(id), logprob: heard.logprobs[index] ?? 0 };
    const group = groups.at(-1);
    if (!group || token.bytes[0] === 0x20) groups.push([token]);
    else group.push(token);
  });
  return groups.flatMap((tokens) => {
    const text = Buffer.concat(tokens.map((one) => one.bytes))
      .toString('utf8')
      .trim();
    return text === '' ? [] : [{ text, glued: false, startMs: null, endMs: null, tokens, confidence: null }];
  });
}

import { agreedConfidence, calibrateWords, chosenConfidence } from '../confidence/calibrate-words.ts';
import { type WordSigns, wordSigns } from '../confidence/word-features.ts';
import type { HeardWord } from '../protocol.ts';
import type { DecodeAsk, SpeechModel } from '../speech-model.ts';
import { blockLogOdds } from './block-choice.ts';
import { blockEvidence, MAX_BLOCKS } from './block-evidence.ts';
import { blockSureness } from './block-sureness.ts';
import { blockWeights, guardLimits } from './duo-constants.ts';
import { inWritingOf } from './in-writing-of.ts';
import { type HeardText, trustedAlone } from './trusted-alone.ts';
import { differing, type WordBlock, wordBlocks } from './word-blocks.ts';

/** A model, the window that it encoded, and the words that it wrote down of it. */
export interface HeardSide<Encoded> {
  readonly model: SpeechModel<Encoded>;
  readonly window: Encoded;
  readonly ask: DecodeAsk;
  readonly words: readonly HeardWord[];
}

export interface CombinedWords {
  /** With confidence, without times. */
  readonly words: readonly HeardWord[];
  /** Whose writing the text is in. */
  readonly writer: 'english' | 'general';
}

/**
 * One text out of what two models heard in the same window. Where they agree the word stands; where they differ, both
 * judge both readings, and word rarity helps (see block-choice.ts). A text that cannot be compared with, because its model
 * fell silent, looped or was lost in noise, is left out altogether.
 */
export async function combineWords<English, General>(
  english: HeardSide<English>,
  general: HeardSide<General>,
): Promise<CombinedWords> {
  const blocks = wordBlocks(textsOf(general.words), textsOf(english.words));
  const questions = differing(blocks);
  const ofEnglish = calibrateWords(english.words, 'moonshine');
  const ofGeneral = calibrateWords(general.words, 'whisper');
  const [englishText, generalText] = [heardText(ofEnglish), heardText(ofGeneral)];
  const alone = questions.length > MAX_BLOCKS ? 'general' : trustedAlone(englishText, generalText, guardLimits);
  if (alone === 'english') return { words: ofEnglish, writer: 'english' };
  if (alone === 'general') return { words: ofGeneral, writer: 'general' };
  const evidence = await blockEvidence(
    { ...english, words: textsOf(english.words) },
    { ...general, words: textsOf(general.words) },
    blocks,
  );
  const sureness = blockSureness(englishText.confidences, generalText.confidences, blocks);
  const odds = evidence.map((one, place) => blockLogOdds(one, sureness[place]!, blockWeights));
  return { words: writeOut(english.words, general.words, blocks, odds), writer: 'general' };
}

/** The combined text with each word's confidence; `odds` are those of the differing blocks, above 0 for English. */
function writeOut(
  english: readonly HeardWord[],
  general: readonly HeardWord[],
  blocks: readonly WordBlock[],
  odds: readonly number[],
): HeardWord[] {
  const englishSigns = wordSigns(english);
  const generalSigns = wordSigns(general);
  const bothMeanLogprob = ((englishSigns[0]?.meanLogprob ?? 0) + (generalSigns[0]?.meanLogprob ?? 0)) / 2;
  const words: HeardWord[] = [];
  let question = 0;
  for (const block of blocks) {
    const ofGeneral = general.slice(block.leftFrom, block.leftTo);
    const ofEnglish = english.slice(block.rightFrom, block.rightTo);
    if (block.agreed) {
      ofGeneral.forEach((word, index) => {
        const [left, right] = [generalSigns[block.leftFrom + index]!, englishSigns[block.rightFrom + index]!];
        words.push({ ...word, confidence: agreedConfidence(left, right) });
      });
      continue;
    }
    const logOdds = odds[question++] ?? 0;
    const byEnglish = logOdds > 0;
    const chosen = byEnglish ? ofEnglish : ofGeneral;
    const choice = {
      logOdds,
      byEnglish,
      otherEmpty: (byEnglish ? ofGeneral : ofEnglish).length === 0,
      words: chosen.length,
      bothMeanLogprob,
    };
    const signsOf = (index: number): WordSigns =>
      byEnglish ? englishSigns[block.rightFrom + index]! : generalSigns[block.leftFrom + index]!;
    (byEnglish ? inWritingOf(ofEnglish, ofGeneral) : chosen).forEach((word, index) => {
      words.push({ ...word, confidence: chosenConfidence(choice, signsOf(index)) });
    });
  }
  return words;
}

function textsOf(words: readonly HeardWord[]): string[] {
  return words.map((word) => word.text);
}

function heardText(words: readonly HeardWord[]): HeardText {
  return { words: textsOf(words), confidences: words.map((word) => word.confidence ?? 0) };
}

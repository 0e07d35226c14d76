/**
 * What Whisper writes where nobody speaks: endings of the subtitles that it learnt from. Compiled from Barański et al.,
 * "Investigation of Whisper ASR Hallucinations Induced by Non-Speech Audio" (arXiv 2501.11378), from discussion 679 of
 * openai/whisper, and from reports to projects that use it. All of it may also be spoken, so it is only doubted where no
 * speech is heard.
 */
const PHRASES = [
  'thank you',
  'thanks',
  'thank you very much',
  'thanks for watching',
  'thank you for watching',
  'thank you so much for watching',
  'please subscribe',
  'please subscribe to my channel',
  "don't forget to subscribe",
  'like and subscribe',
  'see you next time',
  'see you in the next video',
  'bye',
  'bye bye',
  'you',
  'so',
  'oh',
  'the end',
  'subtitles by the amara org community',
  'subtitles by',
  'transcribed by',
  'untertitel der amara org community',
  'untertitel im auftrag des zdf für funk 2017',
  'untertitelung des zdf 2020',
  'vielen dank',
  'vielen dank fürs zuschauen',
  'bis zum nächsten mal',
  'sous titres réalisés par la communauté d amara org',
  'sous titres réalisés para la communauté d amara org',
  "merci d'avoir regardé cette vidéo",
  "merci d'avoir regardé",
  'subtítulos realizados por la comunidad de amara org',
  'gracias por ver el video',
  'suscríbete',
  'sottotitoli creati dalla comunità amara org',
  'sottotitoli e revisione a cura di qtss',
  'legendas pela comunidade amara org',
  'ondertitels ingediend door de amara org gemeenschap',
  'napisy stworzone przez społeczność amara org',
  'продолжение следует',
  'субтитры сделал dimatorzok',
  'редактор субтитров а семкин корректор а егорова',
  'спасибо за просмотр',
  'ご視聴ありがとうございました',
  'ご視聴ありがとうございます',
  'チャンネル登録お願いします',
  '字幕由amara org社区提供',
  '請不吝點贊訂閱轉發打賞支持明鏡與點點欄目',
  '请不吝点赞订阅转发打赏支持明镜与点点栏目',
  '谢谢观看',
  '謝謝觀看',
  '시청해주셔서 감사합니다',
  '구독과 좋아요 부탁드립니다',
  'textning stina hedin www btistudios com',
];

/** Words up to which a stock phrase may reach. */
export const LONGEST_STOCK_WORDS = 24;

const keys = new Set(PHRASES.map(keyOf));

/** Whether the text, whatever its case, spaces and punctuation, is one of Whisper's stock phrases and nothing else. */
export function isStockPhrase(text: string): boolean {
  return keys.has(keyOf(text));
}

function keyOf(text: string): string {
  return text
    .normalize('NFKC')
    .toLowerCase()
    .replaceAll('’', "'")
    .replace(/[^\p{L}\p{N}\p{M}']/gu, '');
}

import { PCM_RATE } from '../../audio/audio.ts';
import type { ProviderAsk } from '../contract.ts';
import { onlyLanguage } from '../support/only-language.ts';
import { type DeepgramModel, fluxName } from './models.ts';

type Wish = Pick<ProviderAsk, 'language'>;

/** Deepgram writes a locale where it has no code of two letters. */
const deepgramCodes: Readonly<Record<string, string>> = { yue: 'zh-HK' };

/**
 * `POST /v1/listen`: all options are in the query, the body is the recording. `smart_format` gives punctuation, capitals and
 * written numbers, as every other model here does; `utterances` gives segments. `model` is always sent: the vendor's default
 * is an old one.
 */
export function prerecordedUrl(baseUrl: string, model: DeepgramModel, ask: Wish): URL {
  const url = endpoint(baseUrl, 'v1/listen');
  const query = url.searchParams;
  query.set('model', model.name);
  const language = ask.language ?? onlyLanguage(model.card);
  if (language === null) query.set('detect_language', 'true');
  else query.set('language', toDeepgramCode(language));
  query.set('smart_format', 'true');
  query.set('utterances', 'true');
  return url;
}

/**
 * `GET /v2/listen` (upgrade): raw 16-bit samples at our own rate. Options of `/v1` do not exist here, and
 * `language_hint` only for models of several languages.
 */
export function fluxUrl(baseUrl: string, model: DeepgramModel, ask: Wish): URL {
  const url = endpoint(baseUrl, 'v2/listen');
  url.protocol = url.protocol === 'http:' ? 'ws:' : 'wss:';
  const name = fluxName(model, ask.language ?? onlyLanguage(model.card));
  const query = url.searchParams;
  query.set('model', name);
  query.set('encoding', 'linear16');
  query.set('sample_rate', String(PCM_RATE));
  if (ask.language !== null && name.endsWith('-multi')) query.set('language_hint', toDeepgramCode(ask.language));
  return url;
}

/** `GET /v1/auth/token`: what the key is allowed, for any key that is good. */
export function keyCheckUrl(baseUrl: string): string {
  return endpoint(baseUrl, 'v1/auth/token').href;
}

/** The key as a header; never in the query, where logs would show it. */
export function deepgramHeaders(apiKey: string): Readonly<Record<string, string>> {
  return { authorization: `Token ${apiKey}` };
}

function toDeepgramCode(language: string): string {
  return deepgramCodes[language] ?? language;
}

function endpoint(baseUrl: string, path: string): URL {
  return new URL(path, baseUrl.endsWith('/') ? baseUrl : `${baseUrl}/`);
}

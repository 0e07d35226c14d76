import { languagesOf } from '../transcript/transcript.ts';
import { renderLogprobs, renderUsage, renderWarnings, toSeconds } from './common-parts.ts';
import { jsonType, type Rendered, type RenderingAsk } from './rendering-ask.ts';

/**
 * `json`: OpenAI's `text` and `usage`, plus `language`, `languages` and `duration` that other gateways and newer models
 * add. A key without a value is left out, never null.
 */
export function renderJson(ask: RenderingAsk): Rendered {
  const { transcript } = ask;
  const body = {
    text: transcript.text,
    ...(transcript.language !== null && { language: transcript.language }),
    languages: languagesOf(transcript).map((code) => ({ code })),
    duration: toSeconds(transcript.durationMs),
    ...(ask.wantLogprobs && transcript.tokens !== null && { logprobs: renderLogprobs(transcript.tokens) }),
    ...(transcript.unheard.length > 0 && { warnings: renderWarnings(transcript.unheard) }),
    usage: renderUsage(ask.usage),
    ...(ask.receipt && { x_flux: ask.receipt }),
  };
  return { mediaType: jsonType, content: JSON.stringify(body) };
}

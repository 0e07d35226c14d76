import { plainTextType, type Rendered, type RenderingAsk } from './rendering-ask.ts';

/** `text`: the transcript and one line feed. */
export function renderText(ask: RenderingAsk): Rendered {
  return { mediaType: plainTextType, content: `${ask.transcript.text}\n` };
}

import { renderDiarizedJson } from './diarized-json.ts';
import { renderJson } from './json.ts';
import type { Rendered, RenderingAsk, ResponseFormat } from './rendering-ask.ts';
import { renderSrt } from './srt.ts';
import { renderText } from './text.ts';
import { renderVerboseJson } from './verbose-json.ts';
import { renderVtt } from './vtt.ts';

const renderers: Readonly<Record<ResponseFormat, (ask: RenderingAsk) => Rendered>> = {
  json: renderJson,
  text: renderText,
  srt: renderSrt,
  verbose_json: renderVerboseJson,
  vtt: renderVtt,
  diarized_json: renderDiarizedJson,
};

/** A transcript in the format that was asked for. */
export function render(format: ResponseFormat, ask: RenderingAsk): Rendered {
  return renderers[format](ask);
}

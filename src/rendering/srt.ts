import { plainTextType, type Rendered, type RenderingAsk } from './rendering-ask.ts';
import { cueTime, subtitleCues } from './subtitle-cues.ts';

/** `srt`: numbered cues, each followed by a blank line, and one more line feed at the end; without cues that one alone. */
export function renderSrt(ask: RenderingAsk): Rendered {
  let content = '';
  for (const [index, cue] of subtitleCues(ask.transcript).entries()) {
    content += `${index + 1}\n${cueTime(cue.startMs, ',')} --> ${cueTime(cue.endMs, ',')}\n${cue.text}\n\n`;
  }
  return { mediaType: plainTextType, content: `${content}\n` };
}

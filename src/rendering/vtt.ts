import { plainTextType, type Rendered, type RenderingAsk } from './rendering-ask.ts';
import { cueTime, subtitleCues } from './subtitle-cues.ts';

/** `vtt`: hours always written, no cue numbers, no settings. */
export function renderVtt(ask: RenderingAsk): Rendered {
  let content = 'WEBVTT\n\n';
  for (const cue of subtitleCues(ask.transcript)) {
    content += `${cueTime(cue.startMs, '.')} --> ${cueTime(cue.endMs, '.')}\n${cue.text}\n\n`;
  }
  return { mediaType: plainTextType, content };
}

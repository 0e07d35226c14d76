import type { Segment } from '../transcript/transcript.ts';
import { renderUsage, renderWarnings, segmentsOf, toSeconds } from './common-parts.ts';
import { jsonType, type Rendered, type RenderingAsk } from './rendering-ask.ts';

/** Where speakers were not told apart, everything is the first speaker's. */
const onlySpeaker = 'A';

/** `diarized_json`. The top-level `text` is the plain transcript, so that streamed deltas add up to the same text. */
export function renderDiarizedJson(ask: RenderingAsk): Rendered {
  const { transcript, task } = ask;
  const body = {
    task,
    duration: toSeconds(transcript.durationMs),
    text: transcript.text,
    segments: segmentsOf(transcript).map(renderSpeakerSegment),
    ...(transcript.language !== null && { language: transcript.language }),
    ...(transcript.unheard.length > 0 && { warnings: renderWarnings(transcript.unheard) }),
    usage: renderUsage(ask.usage),
    ...(ask.receipt && { x_flux: ask.receipt }),
  };
  return { mediaType: jsonType, content: JSON.stringify(body) };
}

/** One entry of `segments`, which is also the stream's `transcript.text.segment` event. `index` counts from 0. */
export function renderSpeakerSegment(segment: Segment, index: number) {
  return {
    type: 'transcript.text.segment',
    id: speakerSegmentId(index),
    start: toSeconds(segment.startMs),
    end: toSeconds(segment.endMs),
    text: segment.text,
    speaker: segment.speaker ?? onlySpeaker,
  } as const;
}

/** `seg_001` for the segment with index 0. */
export function speakerSegmentId(index: number): string {
  return `seg_${String(index + 1).padStart(3, '0')}`;
}

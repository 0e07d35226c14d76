import { separatorBetween } from '../transcript/joined-text.ts';
import { languagesOf, type TranscriptEvent } from '../transcript/transcript.ts';
import { renderLogprobs, renderUsage, renderWarnings, segmentsOf, toSeconds } from './common-parts.ts';
import { renderSpeakerSegment, speakerSegmentId } from './diarized-json.ts';
import type { RenderingAsk } from './rendering-ask.ts';

type SegmentFinal = Extract<TranscriptEvent, { type: 'segment-final' }>;

/** Turns finished segments into OpenAI's stream events. One for each request; call in the order of the audio. */
export interface StreamEvents {
  /** The events of one finished segment. */
  segment(event: SegmentFinal): readonly object[];
  /** What is still missing, then `transcript.text.done`: all deltas together are exactly its `text`. */
  done(ask: RenderingAsk): readonly object[];
}

export function createStreamEvents(options: { diarized: boolean; wantLogprobs: boolean }): StreamEvents {
  let sent = '';
  let index = 0;

  function segment({ segment: closed, tokens }: Pick<SegmentFinal, 'segment' | 'tokens'>): object[] {
    const delta = sent === '' ? closed.text : separatorBetween(sent, closed.text) + closed.text;
    const events: object[] = [];
    if (delta !== '') {
      events.push({
        type: 'transcript.text.delta',
        delta,
        ...(options.wantLogprobs && tokens !== null && { logprobs: renderLogprobs(tokens) }),
        ...(options.diarized && { segment_id: speakerSegmentId(index) }),
      });
    }
    if (options.diarized) events.push(renderSpeakerSegment(closed, index));
    sent += delta;
    index++;
    return events;
  }

  return {
    segment,
    done(ask) {
      const { transcript } = ask;
      const events: object[] = [];
      if (index === 0) {
        // A provider that gives everything at the end: its segments are sent now, so every model can be streamed.
        const segments = segmentsOf(transcript);
        for (const closed of segments) events.push(...segment({ segment: closed, tokens: null }));
      }
      if (sent !== transcript.text && transcript.text.startsWith(sent)) {
        events.push({ type: 'transcript.text.delta', delta: transcript.text.slice(sent.length) });
        sent = transcript.text;
      }
      events.push({
        type: 'transcript.text.done',
        // What has been sent cannot be taken back, so where the two differ the stream stays true to itself.
        text: sent,
        ...(transcript.language !== null && { language: transcript.language }),
        languages: languagesOf(transcript).map((code) => ({ code })),
        duration: toSeconds(transcript.durationMs),
        ...(options.wantLogprobs && transcript.tokens !== null && { logprobs: renderLogprobs(transcript.tokens) }),
        ...(transcript.unheard.length > 0 && { warnings: renderWarnings(transcript.unheard) }),
        usage: renderUsage(ask.usage),
        ...(ask.receipt && { x_flux: ask.receipt }),
      });
      return events;
    },
  };
}

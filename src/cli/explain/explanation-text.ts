import type { ExplainedAttempt, RouteExplanation } from '../../compose-explainer.ts';
import { formatDollars } from '../../core/money.ts';

/** A plan for people: the first pass, the attempts by number, and why each other model is passed over. */
export function explanationText(file: string | null, explanation: RouteExplanation): string {
  const { model, resolvedName, price, opening, attempts, passedOver, refusal } = explanation;
  const name = model === resolvedName ? model : `${model} (${resolvedName})`;
  const lines = [
    `${file === null ? '' : `${file}: `}${name}, $${shortDollars(price.nanosPerMinute)} a minute` +
      `${price.minimumMs > 0 ? `, at least ${price.minimumMs / 1000} s` : ''}${price.tokens ? ', or by tokens' : ''}`,
  ];
  if (opening) {
    lines.push(`  first pass  ${attemptText(opening)}; kept where its words are ${opening.keepAboveConfidence} sure`);
  }
  for (const [index, attempt] of attempts.entries()) {
    lines.push(`  ${String(index + 1).padStart(2)}  ${attemptText(attempt)}`);
  }
  if (refusal) lines.push(`  refused with ${refusal.status} ${refusal.code}: ${refusal.message}`);
  if (passedOver.length > 0) lines.push('  passed over:');
  const width = Math.max(0, ...passedOver.map((one) => one.modelId.length));
  for (const { modelId, words } of passedOver) lines.push(`      ${modelId.padEnd(width)}  ${words}`);
  return lines.join('\n');
}

function attemptText({ modelId, providerId, pieces, breaker }: ExplainedAttempt): string {
  const where = providerId === 'local' ? 'on this machine' : `by ${providerId}`;
  return [
    `${modelId}, ${where}`,
    ...(pieces ? [`in pieces of at most ${piecesText(pieces)}`] : []),
    ...(breaker === 'closed' ? [] : [`its breaker is ${breaker}`]),
  ].join(', ');
}

function piecesText(pieces: NonNullable<ExplainedAttempt['pieces']>): string {
  const { maxDurationMs, maxUploadBytes, maxParallelCalls } = pieces;
  const ceilings = [
    ...(maxDurationMs === null ? [] : [`${maxDurationMs / 1000} s`]),
    ...(maxUploadBytes === null ? [] : [`${(maxUploadBytes / 1e6).toFixed(1)} MB`]),
  ];
  return `${ceilings.join(' and ')}, ${maxParallelCalls} at a time`;
}

/** `0.100000000` → `0.10`: two places at least. */
function shortDollars(nanos: bigint): string {
  return formatDollars(nanos).replace(/(\.\d\d\d*?)0+$/, '$1');
}

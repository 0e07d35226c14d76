import { GatewayError } from '../core/errors.ts';
import type { ModelCard } from '../providers/contract.ts';
import type { Candidate, Market, Plan, RouteAsk } from './plan.ts';
import { speaks } from './policy.ts';

/** Why a plan without attempts cannot be run, as the error that the caller sees: it names what would help. */
export function noAttemptError(ask: RouteAsk, plan: Plan, market: Market): GatewayError {
  if (plan.resolvedName === null) {
    return new GatewayError(
      'model_not_found',
      `The model '${ask.model}' does not exist. GET /v1/models lists the models and aliases.`,
      { param: 'model' },
    );
  }
  const reasons = new Set(plan.passedOver.map((one) => one.why));
  if (ask.task === 'translate' && reasons.has('feature')) {
    return new GatewayError(
      'unsupported_value',
      `No installed model behind '${ask.model}' can translate to English. ${pullHint(market, (card) => card.features.includes('translate'))}`,
      { param: 'model' },
    );
  }
  const language = ask.language;
  if (language !== null && reasons.has('language')) {
    return new GatewayError(
      'unsupported_language',
      `No installed model behind '${ask.model}' speaks '${language}'. ${pullHint(market, (card) => speaks(card, language))}`,
      { param: 'language' },
    );
  }
  if (reasons.has('too-long')) {
    return new GatewayError('audio_too_long', `The recording is too long for '${ask.model}'.`, { param: 'file' });
  }
  if (reasons.has('too-large')) {
    return new GatewayError('payload_too_large', `The upload is too large for '${ask.model}'.`, { param: 'file' });
  }
  const name = plan.passedOver.find((one) => one.why === 'not-available')?.modelId ?? ask.model;
  const candidate = market.candidates.find((one) => one.card.id === name);
  return new GatewayError('no_model_installed', whyUnavailable(name, candidate), { param: 'model' });
}

function whyUnavailable(name: string, candidate: Candidate | undefined): string {
  if (candidate && candidate.missing.length > 0) {
    return `The model '${name}' is known but not installed. Install it with: ${pullCommand(candidate)}`;
  }
  return candidate?.providerId
    ? `The model '${name}' is known, but its provider '${candidate.providerId}' is not switched on here.`
    : `The model '${name}' is known but not available now.`;
}

function pullHint(market: Market, fits: (card: ModelCard) => boolean): string {
  const able = market.candidates.filter((one) => fits(one.card));
  const ready = able.find((one) => one.available);
  if (ready) return `Ask for model '${ready.card.id}'.`;
  const pullable = able.find((one) => one.missing.length > 0);
  return pullable ? `Install one that can: ${pullCommand(pullable)}` : 'No model in the catalogue can.';
}

function pullCommand({ missing }: Candidate): string {
  return `fluxscribe models pull ${missing.join(' ')}`;
}

import { GatewayError } from '../core/errors.ts';
import { type Market, type Plan, type RouteAsk, speaks } from './policy.ts';

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
  if (ask.task === 'translate' && !reasons.has('not-available') && !reasons.has('language')) {
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
  const missing = plan.passedOver.find((one) => one.why === 'not-available');
  const name = missing?.modelId ?? ask.model;
  return new GatewayError(
    'no_model_installed',
    `The model '${name}' is known but not installed. Install it with: fluxscribe models pull ${name.replace(/^local\//, '')}`,
    { param: 'model' },
  );
}

function pullHint(market: Market, fits: (card: Market['candidates'][number]['card']) => boolean): string {
  const known = market.candidates.find((one) => fits(one.card));
  if (!known) return 'No model in the catalogue can; add a provider that does.';
  if (known.available) return `Ask for model '${known.card.id}'.`;
  return `Install one that can: fluxscribe models pull ${known.card.id.replace(/^local\//, '')}`;
}

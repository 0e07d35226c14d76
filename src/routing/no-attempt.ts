import { GatewayError } from '../core/errors.ts';
import { formatDollars } from '../core/money.ts';
import type { ModelCard } from '../providers/contract.ts';
import { providerOf } from './candidates.ts';
import type { Candidate, Market, PassReason, Plan, RouteAsk } from './plan.ts';
import { speaks } from './policy.ts';

const accessReasons: ReadonlySet<PassReason> = new Set(['not-allowed', 'leaves-machine', 'too-expensive']);

/** Told to come back in where an open breaker does not say when it lets a request through again. */
const defaultRetrySeconds = 30;

/** Why a plan without attempts cannot be run, as the error that the caller sees: it names what would help. */
export function noAttemptError(ask: RouteAsk, plan: Plan, market: Market): GatewayError {
  if (plan.resolvedName === null) {
    return new GatewayError(
      'model_not_found',
      `The model '${ask.model.slice(0, 256)}' does not exist. GET /v1/models lists the models and aliases.`,
      { param: 'model' },
    );
  }
  const reasons = new Set(plan.passedOver.map((one) => one.why));
  // Whatever speaks against the others: one that could do it comes back by itself.
  if (reasons.has('breaker-open')) {
    return new GatewayError('service_unavailable', `What serves '${ask.model}' has failed too often just now.`, {
      retryAfterSeconds: retryAfterSeconds(plan, market),
    });
  }
  const forbidden = plan.passedOver[0]?.why;
  if (forbidden !== undefined && plan.passedOver.every((one) => accessReasons.has(one.why))) {
    return new GatewayError('model_not_allowed', whyForbidden(forbidden, ask, plan.resolvedName), { param: 'model' });
  }
  if (ask.task === 'translate' && reasons.has('feature')) {
    return new GatewayError(
      'unsupported_value',
      `No installed model behind '${ask.model}' can translate to English. ${pullHint(ask, market, (card) => card.features.includes('translate'))}`,
      { param: 'model' },
    );
  }
  const language = ask.language;
  if (language !== null && reasons.has('language')) {
    return new GatewayError(
      'unsupported_language',
      `No installed model behind '${ask.model}' speaks '${language}'. ${pullHint(ask, market, (card) => speaks(card, language))}`,
      { param: 'language' },
    );
  }
  const name = plan.passedOver.find((one) => one.why === 'not-available')?.modelId ?? ask.model;
  const candidate = market.candidates.find((one) => one.card.id === name);
  return new GatewayError('no_model_installed', whyUnavailable(name, candidate), { param: 'model' });
}

function retryAfterSeconds(plan: Plan, market: Market): number {
  const waits = plan.passedOver
    .filter((one) => one.why === 'breaker-open')
    .map(({ modelId }) => market.candidates.find((one) => one.card.id === modelId)?.retryAfterMs)
    .filter((one) => one !== undefined);
  return waits.length === 0 ? defaultRetrySeconds : Math.max(1, Math.ceil(Math.min(...waits) / 1000));
}

function whyForbidden(why: PassReason, { access }: RouteAsk, name: string): string {
  if (why === 'leaves-machine') {
    return `This key lets nothing leave this machine, and '${name}' is served elsewhere.`;
  }
  if (why === 'too-expensive' && access && access.maxNanosPerMinute !== null) {
    return `'${name}' costs more than the $${formatDollars(access.maxNanosPerMinute)} a minute that this key may spend.`;
  }
  return `This key may not use the model '${name}'.`;
}

function whyUnavailable(name: string, candidate: Candidate | undefined): string {
  if (candidate && candidate.missing.length > 0) {
    return `The model '${name}' is known but not installed. Install it with: ${pullCommand(candidate)}`;
  }
  return candidate?.providerId
    ? `The model '${name}' is known, but its provider '${candidate.providerId}' is not switched on here.`
    : `The model '${name}' is known but not available now.`;
}

/** What would help, among that which the key may use. */
function pullHint({ access }: RouteAsk, market: Market, fits: (card: ModelCard) => boolean): string {
  const able = market.candidates.filter(
    ({ card, providerId }) =>
      fits(card) &&
      (!access?.localOnly || (providerId ?? providerOf(card.id)) === 'local') &&
      (!access?.allowedModels || access.allowedModels.includes(card.id)),
  );
  const ready = able.find((one) => one.available);
  if (ready) return `Ask for model '${ready.card.id}'.`;
  const pullable = able.find((one) => one.missing.length > 0);
  return pullable ? `Install one that can: ${pullCommand(pullable)}` : 'No model in the catalogue can.';
}

function pullCommand({ missing }: Candidate): string {
  return `fluxscribe models pull ${missing.join(' ')}`;
}

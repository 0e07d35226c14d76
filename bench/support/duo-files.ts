import { CONFIDENCE_KINDS } from './alone-confidence.ts';
import type { DuoConstants } from './duo-fit.ts';
import { WEIGHT_NAMES } from './duo-methods.ts';

const today = () => new Date().toISOString().slice(0, 10);

/** Source of src/engine/duo/duo-constants.ts. */
export function constantsFile({ weights, guards, escalation }: DuoConstants): string {
  const lines = WEIGHT_NAMES.map((name) => `  ${name}: ${weights[name]},`);
  return `import type { BlockWeights } from './block-choice.ts';
import type { EscalationLimits } from './is-sure-alone.ts';
import type { GuardLimits } from './trusted-alone.ts';

/** Written by \`npm run train:duo\` on ${today()} for Moonshine tiny and Whisper base; do not edit by hand. */

export const blockWeights: BlockWeights = {
${lines.join('\n')}
};

export const guardLimits: GuardLimits = { loopRatio: ${guards.loopRatio}, leastShare: ${guards.leastShare}, leastLead: ${guards.leastLead} };

export const escalationLimits: EscalationLimits = { leastConfidence: ${escalation.leastConfidence}, leastFlatConfidence: ${escalation.leastFlatConfidence}, flatBelowDb: ${escalation.flatBelowDb} };
`;
}

/** Source of src/engine/confidence/confidence-weights.ts. */
export function confidenceFile({ confidence }: DuoConstants): string {
  const lines = CONFIDENCE_KINDS.map((kind) => `  ${kind}: [${confidence[kind].join(', ')}],`);
  return `/** Written by \`npm run train:duo\` on ${today()}; do not edit by hand. Weights in the order of the features, the bias last. */

export const confidenceWeights = {
${lines.join('\n')}
} as const;
`;
}

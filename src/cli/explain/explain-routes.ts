import { CatalogueError } from '../../catalogue/load-catalogue.ts';
import { composeExplainer, type Explainer, type RouteExplanation } from '../../compose-explainer.ts';
import { composeModels } from '../../compose-shelf.ts';
import type { Config } from '../../config/load-config.ts';
import { toGatewayError } from '../../core/errors.ts';
import { silentLog } from '../../core/log.ts';
import { formatDollars } from '../../core/money.ts';
import { exitCode } from '../exit-code.ts';
import { findRecordings } from '../transcribe/find-recordings.ts';
import { UsageError } from '../usage-error.ts';
import { explanationText } from './explanation-text.ts';

export interface ExplainOptions {
  readonly model?: string;
  readonly language?: string;
  readonly translate?: boolean;
  /** Of a recording that is not there: seconds and bytes. */
  readonly duration?: number;
  readonly size?: number;
  readonly json?: boolean;
}

/** `explain [MODEL]`: the plan of a recording of this length and size. */
export async function explainModel(config: Config, options: ExplainOptions): Promise<number> {
  return withExplainer(config, async (explainer) => {
    const { duration = 0, size } = options;
    const length = { durationMs: Math.round(duration * 1000), ...(size !== undefined && { sizeBytes: size }) };
    return tell(null, options, () => explain(explainer, config, options, length));
  });
}

/** `transcribe --explain FILE…`: the plan of each recording, of which only its packets are read. */
export async function explainFiles(
  config: Config,
  patterns: readonly string[],
  options: ExplainOptions,
): Promise<number> {
  const recordings = await findRecordings(patterns);
  return withExplainer(config, async (explainer) => {
    let allGood = true;
    for (const { name, path } of recordings) {
      const told = await tell(name, options, async () =>
        explain(explainer, config, options, await explainer.measure(path)),
      );
      allGood &&= told;
    }
    return allGood;
  });
}

async function withExplainer(config: Config, work: (explainer: Explainer) => Promise<boolean>): Promise<number> {
  const parts = { config, log: silentLog };
  let explainer: Explainer;
  try {
    explainer = await composeExplainer(parts, composeModels(parts));
  } catch (thrown) {
    if (thrown instanceof CatalogueError) throw new UsageError(thrown.message);
    throw thrown;
  }
  try {
    return (await work(explainer)) ? exitCode.ok : exitCode.failed;
  } finally {
    await explainer.close();
  }
}

function explain(
  { explainRoute }: Explainer,
  config: Config,
  { model = config.defaultModel, language, translate }: ExplainOptions,
  length: { readonly durationMs: number; readonly sizeBytes?: number },
): RouteExplanation {
  return explainRoute({ model, language: language ?? null, task: translate ? 'translate' : 'transcribe', ...length });
}

/** Prints a plan, or why there is none; resolves with whether a recording would be tried. */
async function tell(
  name: string | null,
  { json }: ExplainOptions,
  make: () => RouteExplanation | Promise<RouteExplanation>,
): Promise<boolean> {
  try {
    const explanation = await make();
    const text = json ? jsonText(name, explanation) : explanationText(name, explanation);
    process.stdout.write(`${text}\n`);
    return explanation.refusal === null;
  } catch (thrown) {
    const { message } = toGatewayError(thrown);
    process.stderr.write(`${name === null ? '' : `${name}: `}${message}\n`);
    return false;
  }
}

/** One object a line, amounts of money as decimal dollars. */
function jsonText(file: string | null, explanation: RouteExplanation): string {
  const value = file === null ? explanation : { file, ...explanation };
  return JSON.stringify(value, (_key, inner: unknown) => (typeof inner === 'bigint' ? formatDollars(inner) : inner));
}

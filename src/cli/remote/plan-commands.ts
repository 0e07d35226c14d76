import type { Command } from 'commander';
import type { PlanOptions } from './plans.ts';
import { countOf, listed, orNone, type Run, remote } from './remote-options.ts';
import type { RemoteOptions } from './run-remote.ts';

/** `plans list`, `show`, `create` and `update`. */
export function addPlanCommands(plans: Command, run: Run): void {
  remote(plans.command('list').description('all plans')).action(async (options: RemoteOptions) => {
    const { listPlans } = await import('./plans.ts');
    await run(options, listPlans);
  });
  remote(plans.command('show').description('one plan').argument('<plan>')).action(
    async (id: string, options: RemoteOptions) => {
      const { showPlan } = await import('./plans.ts');
      await run(options, (client, asJson) => showPlan(client, id, asJson));
    },
  );
  planned(plans.command('create').description('a plan of your own').argument('<plan>', 'its id, such as team')).action(
    async (id: string, options: RemoteOptions & PlanOptions) => {
      const { createPlan } = await import('./plans.ts');
      await run(options, (client, asJson) => createPlan(client, id, options, asJson));
    },
  );
  planned(
    plans
      .command('update')
      .description('change a plan, at once for all accounts that have it; what is left out stays as it is')
      .argument('<plan>'),
  ).action(async (id: string, options: RemoteOptions & PlanOptions) => {
    const { changePlan } = await import('./plans.ts');
    await run(options, (client, asJson) => changePlan(client, id, options, asJson));
  });
}

function planned(command: Command): Command {
  return remote(command)
    .option('--name <name>', 'by which people know it')
    .option('--transcription', 'it may transcribe')
    .option('--no-transcription', 'it may not: 402 premium_locked')
    .option('--billing <kind>', 'wallet (default) or unlimited')
    .option('--models <models>', 'only these models and aliases; none: all', orNone(listed))
    .option('--max-upload-mb <count>', "largest upload, in millions of bytes; none: the server's own", orNone(countOf))
    .option('--requests-per-minute <count>', 'most requests in a minute; none: no limit', orNone(countOf))
    .option('--audio-seconds-per-minute <count>', 'most audio in a minute; none: no limit', orNone(countOf))
    .option('--max-concurrent <count>', 'most requests at one time; none: no limit', orNone(countOf))
    .option('--max-live-streams <count>', 'most live sockets at one time; none: no limit', orNone(countOf))
    .option(
      '--price <model=dollars>',
      'what a minute costs, with a minimum in seconds as MODEL=DOLLARS,SECONDS; repeat it: all prices are replaced together',
      (text: string, before: readonly string[] = []) => [...before, text],
    );
}

import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { type Config, ConfigError, loadConfig } from '../config/load-config.ts';
import { toLanguageCode } from '../core/language.ts';
import { packageVersion } from '../version.ts';
import { exitCode } from './exit-code.ts';
import { addRemoteCommands } from './remote/remote-commands.ts';
import { UsageError } from './usage-error.ts';

/**
 * The `fluxscribe` command. Each command's work is imported when it runs, so that `--help` answers at once; settings come
 * from fluxscribe.yaml and the environment, as for the server.
 */
function createProgram(finish: (code: number) => void): Command {
  const program = new Command('fluxscribe')
    .description('Self-hosted speech to text: one endpoint, an embedded engine, no key from any vendor.')
    .version(packageVersion)
    .showHelpAfterError('(fluxscribe --help shows what there is)')
    .exitOverride();

  program
    .command('serve')
    .description('run the server (settings: docs/reference/config.md)')
    .action(async () => {
      const config = settings();
      const { serve } = await import('./serve.ts');
      finish(await serve(config));
    });

  program
    .command('transcribe')
    .description('write down recordings without a server')
    .argument('<file...>', 'recordings, folders (all audio and video files in them) or globs in quotes')
    .addOption(
      new Option('-f, --format <format>', 'what to write')
        .choices(['text', 'json', 'verbose_json', 'verbose', 'srt', 'vtt'])
        .default('text'),
    )
    .option(
      '-o, --out <path>',
      'a file, or a folder that gets one file for each recording; without it: standard output',
    )
    .option('-m, --model <name>', 'model or alias (default: the setting defaultModel)')
    .option('-l, --language <code>', 'what is spoken: en, en-US or english (default: find out)', languageOf)
    .option('--translate', 'write English, whatever is spoken')
    .option('--word-times', 'with verbose_json: every word with its times')
    .option(
      '-c, --concurrency <count>',
      'recordings in work at one time (default: one for each engine process)',
      countOf,
    )
    .option('-q, --quiet', 'no progress, only failures')
    .option('--explain', 'only say which models would be asked, in which order, and why not the others')
    .action(async (files: string[], options) => {
      const config = settings();
      if (options.explain) {
        const { explainFiles } = await import('./explain/explain-routes.ts');
        finish(await explainFiles(config, files.map(fromCaller), options));
        return;
      }
      const { transcribeFiles } = await import('./transcribe/transcribe-files.ts');
      finish(await transcribeFiles(config, files.map(fromCaller), withCallerPaths(options)));
    });

  program
    .command('explain')
    .description('which models would be asked for a recording, in which order, and why not the others')
    .argument('[model]', 'model or alias (default: the setting defaultModel)')
    .option('-l, --language <code>', 'what is spoken: en, en-US or english (default: not known)', languageOf)
    .option('--translate', 'for a translation into English')
    .option('--duration <seconds>', 'of a recording of this length', amountOf)
    .option('--size <bytes>', 'and this size', amountOf)
    .option('--json', 'as JSON')
    .action(async (model: string | undefined, options) => {
      const config = settings();
      const { explainModel } = await import('./explain/explain-routes.ts');
      finish(await explainModel(config, { ...options, ...(model !== undefined && { model }) }));
    });

  addModelCommands(program.command('models').description('model files of the embedded engine'), finish);

  program
    .command('migrate')
    .description('bring the tables of the database up to date, as a start does, and print what was applied')
    .action(async () => {
      const config = settings();
      const { migrateDatabase } = await import('./migrate.ts');
      finish(await migrateDatabase(config));
    });

  const keys = program.command('keys').description('API keys');
  keys
    .command('reset-admin')
    .description('replace the admin key and print the new one; restart the server afterwards')
    .action(async () => {
      const { resetAdminKey } = await import('./keys.ts');
      finish(await resetAdminKey(settings()));
    });
  addRemoteCommands(program, keys, settings, finish);
  return program;
}

function addModelCommands(models: Command, finish: (code: number) => void): void {
  models
    .command('list')
    .description('every model that can be installed or was imported, and whether it is there')
    .option('--json', 'as JSON')
    .action(async (options) => {
      const { listModels } = await import('./models/list-models.ts');
      finish(await listModels(settings(), options));
    });
  models
    .command('pull')
    .description('fetch model files and check them')
    .argument('[model...]', 'such as whisper-base; none: what the server needs')
    .action(async (names: string[]) => {
      const { pullModels } = await import('./models/pull-models.ts');
      finish(await pullModels(settings(), names));
    });
  models
    .command('import')
    .description('take in a model folder of your own: CTranslate2 Whisper (faster-whisper), sherpa-onnx, Moonshine')
    .argument('<folder>')
    .option('-n, --name <name>', "what it is called here, as local/NAME (default: the folder's name)")
    .option('-l, --languages <codes>', 'what it speaks, such as en,de (default: as the model says)')
    .action(async (folder: string, options) => {
      const { importModelFolder } = await import('./models/import-model.ts');
      finish(await importModelFolder(settings(), fromCaller(folder), options));
    });
  models
    .command('remove')
    .description('delete models from the model folder')
    .argument('<model...>')
    .option('-f, --force', 'also what a start or the default model needs')
    .action(async (names: string[], options) => {
      const { removeModels } = await import('./models/remove-models.ts');
      finish(await removeModels(settings(), names, options));
    });
  models
    .command('info')
    .description('what a model is, where its files come from and whether they are whole')
    .argument('<model>')
    .action(async (name: string) => {
      const { showModel } = await import('./models/show-model.ts');
      finish(await showModel(settings(), name));
    });
  models
    .command('path')
    .description('the folder of a model, or of all of them')
    .argument('[model]')
    .action(async (name?: string) => {
      const { showPath } = await import('./models/show-model.ts');
      finish(await showPath(settings(), name));
    });
}

function settings(): Config {
  return loadConfig({ env: process.env, workingDir: process.cwd() });
}

function languageOf(text: string): string {
  const code = toLanguageCode(text);
  if (code === null) throw new InvalidArgumentError('There is no such language; an ISO-639-1 code such as en will do.');
  return code;
}

function countOf(text: string): number {
  const count = Number(text);
  if (!Number.isInteger(count) || count < 1 || count > 64) {
    throw new InvalidArgumentError('It must be a whole number from 1 to 64.');
  }
  return count;
}

function amountOf(text: string): number {
  const amount = Number(text);
  if (text.trim() === '' || !Number.isFinite(amount) || amount < 0) {
    throw new InvalidArgumentError('It must be a number, 0 or more.');
  }
  return amount;
}

/** `npm run fluxscribe` works in the clone's root wherever it was called; INIT_CWD is where the caller's paths start. */
function fromCaller(path: string): string {
  const start = process.env.npm_lifecycle_event === 'fluxscribe' ? process.env.INIT_CWD : undefined;
  return start === undefined || path.startsWith('/') ? path : `${start}/${path}`;
}

function withCallerPaths<Options extends { out?: string }>(options: Options): Options {
  return options.out === undefined ? options : { ...options, out: fromCaller(options.out) };
}

// `fluxscribe … | head` closes our output early; that is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(exitCode.ok);
});

try {
  await createProgram((code) => {
    process.exitCode = code;
  }).parseAsync();
} catch (thrown) {
  if (thrown instanceof CommanderError) {
    // Help and version end this way too, with code 0; commander has already said what is wrong.
    process.exitCode = thrown.exitCode === 0 ? exitCode.ok : exitCode.usage;
  } else if (thrown instanceof ConfigError || thrown instanceof UsageError) {
    process.stderr.write(`${thrown.message}\n`);
    process.exitCode = exitCode.usage;
  } else {
    process.stderr.write(`${thrown instanceof Error ? (thrown.stack ?? thrown.message) : thrown}\n`);
    process.exitCode = exitCode.failed;
  }
}

/** `npm run check`: everything that can drift, checked; prints what is wrong and where, and a summary. */
import { apiDocs, generatedDocs } from './check/docs-drift.ts';
import type { Check } from './check/problem.ts';
import { catalogueIsValid, fileLength, links, projectFiles } from './check/repository-rules.ts';
import { roomRules } from './check/room-rules.ts';
import { biome, types } from './check/tools.ts';

const checks: readonly Check[] = [
  biome,
  types,
  roomRules,
  fileLength,
  catalogueIsValid,
  generatedDocs,
  apiDocs,
  links,
  projectFiles,
];

let failed = 0;
for (const check of checks) {
  const problems = await check.run();
  if (problems.length > 0) failed++;
  console.log(`${problems.length === 0 ? 'ok    ' : 'FAILED'} ${check.name}`);
  for (const problem of problems) console.log(problem.replaceAll(/^/gm, '       '));
}
console.log(`\n${checks.length - failed} checks passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;

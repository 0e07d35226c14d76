import { artifactsOf, type Catalogue } from '../catalogue/catalogue.ts';

/** Artifacts behind a name that callers use: of an alias, the first model that is installed whole; empty: none is. */
export function artifactsBehind(catalogue: Catalogue, name: string, installed: ReadonlySet<string>): readonly string[] {
  const names = catalogue.aliases.find((alias) => alias.id === name)?.models ?? [name];
  const models = names.flatMap((id) => catalogue.models.find((one) => one.id === id || one.id === `local/${id}`) ?? []);
  const needed = models.map(artifactsOf).find((ids) => ids.length > 0 && ids.every((id) => installed.has(id)));
  return needed ?? [];
}

/**
 * Why these artifacts should stay, in a sentence for an operator: a start needs one of them, or the default model could
 * not be served without them. null: nothing speaks against removing them.
 */
export function reasonToKeep(
  catalogue: Catalogue,
  defaultModel: string,
  installed: ReadonlySet<string>,
  ids: readonly string[],
): string | null {
  const needed = catalogue.artifacts.find((one) => one.default && ids.includes(one.id));
  if (needed) return `'${needed.id}' is what every start needs and would fetch again.`;
  const left = new Set([...installed].filter((id) => !ids.includes(id)));
  const isServed = artifactsBehind(catalogue, defaultModel, installed).length > 0;
  if (!isServed || artifactsBehind(catalogue, defaultModel, left).length > 0) return null;
  return `Without it the default model '${defaultModel}' cannot be served.`;
}

import type { CatalogueArtifact, CatalogueBuild, CatalogueFile, CatalogueSource } from '../catalogue/catalogue.ts';

/** What bytes must be to count as a certain file. */
export interface ExpectedBytes {
  /** Any of these sums; null: nobody knows it here, and what comes first is recorded. */
  readonly sha256: readonly string[] | null;
  /** null: not known, or not the same for every source. */
  readonly sizeBytes: number | null;
}

/** What a file may be that somebody else put there: a mirror, a person's hand. */
export function expectedFromAnywhere(file: CatalogueFile): ExpectedBytes {
  if (file.sha256 === undefined) return expectedOfFile(file);
  const pinned = file.sources.filter((source) => source.sha256 !== undefined && source.sha256 !== 'recorded');
  const each = [expectedOfFile(file), ...pinned.map((source) => expectedFromSource(file, source))];
  const sizes = new Set(each.map((one) => one.sizeBytes));
  const [size = null] = sizes;
  return { sha256: each.flatMap((one) => one.sha256 ?? []), sizeBytes: sizes.size === 1 ? size : null };
}

/** Whether the file may also be what some source or build of unknown sum once brought, and was recorded then. */
export function mayBeRecorded(artifact: CatalogueArtifact, file: CatalogueFile): boolean {
  return (
    file.sha256 === undefined ||
    file.sources.some((source) => source.sha256 === 'recorded') ||
    artifact.builds.some((build) => build.sha256 === 'recorded')
  );
}

export function expectedFromSource(file: CatalogueFile, source: CatalogueSource): ExpectedBytes {
  if (source.sha256 === undefined) return expectedOfFile(file);
  return {
    sha256: source.sha256 === 'recorded' ? null : [source.sha256],
    sizeBytes: source.size_bytes ?? null,
  };
}

export function expectedFromBuild(file: CatalogueFile, build: CatalogueBuild): ExpectedBytes {
  return build.sha256 === 'recorded' ? { sha256: null, sizeBytes: null } : expectedOfFile(file);
}

/** What the catalogue says of a file, or of a build's input, by itself. */
export function expectedOfFile(file: Pick<CatalogueFile, 'sha256' | 'size_bytes'>): ExpectedBytes {
  return {
    sha256: file.sha256 === undefined ? null : [file.sha256],
    sizeBytes: file.size_bytes ?? null,
  };
}

/** What the published types of npm's own modules leave out. */

declare module '@npmcli/config/lib/definitions/index.js' {
  import type Config from '@npmcli/config';

  const npm: {
    readonly definitions: Config.DefinitionsObject;
    readonly shorthands: Config.ShortFlags;
    readonly flatten: (settings: object, flat: object) => void;
    readonly nerfDarts: readonly string[];
  };
  export default npm;
}

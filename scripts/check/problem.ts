/** One thing that is wrong, as a line that says where and what to do. */
export type Problem = string;

/** One check of `npm run check`: its name, and what it finds; nothing found is good. */
export interface Check {
  readonly name: string;
  run(): Promise<readonly Problem[]>;
}

import { z } from 'zod';

/** What the sections of the settings are written with. */

/** What a setting carries beside its type. (A type, not an interface: zod's metadata is an open record.) */
export type SettingMeta = {
  /** Environment variable that sets it over the file. */
  readonly env: string;
  readonly description: string;
  /** `secret` values are never printed. */
  readonly secret?: true;
};

export const mebibyte = 1024 * 1024;
export const gibibyte = 1024 * mebibyte;

export const meta = (env: string, description: string): SettingMeta => ({ env, description });
export const whole = (min: number, max: number) => z.number().int().min(min).max(max);
export const seconds = (min: number, max: number) => z.number().min(min).max(max);

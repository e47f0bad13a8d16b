/** Where an application's own settings come from: environment variables and files of `NAME=value` lines. */

import { readFileSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { resolve } from 'node:path';
import { parseEnv } from 'node:util';

/** What profiles may know of the process they run in. */
export interface Environment {
  readonly variables: Readonly<Record<string, string | undefined>>;
  /** The user's home directory. */
  readonly home: string;
  readonly workingDirectory: string;
}

/** The environment of this process. */
export function processEnvironment(): Environment {
  return { variables: process.env, home: homedir(), workingDirectory: process.cwd() };
}

/** Longest file of settings that is read. */
const MOST_SETTINGS_BYTES = 64 * 1024;

/** The variables of a file of `NAME=value` lines; none where it cannot be read or is no such file. */
export function readSettings(path: string | Buffer): Readonly<Record<string, string | undefined>> {
  try {
    const stat = statSync(path);
    if (!stat.isFile() || stat.size > MOST_SETTINGS_BYTES) return {};
    return parseEnv(readFileSync(path, 'utf8'));
  } catch {
    return {};
  }
}

/**
 * The environment as an application with `settings` sees it: a variable of these files, the first file first, and where
 * none has it, of `environment`. The files come first, for nbak may run with the variables of others.
 */
export function environmentOf(environment: Environment, settings: readonly string[]): Environment {
  const files = settings.map(readSettings);
  const variables = files.reduceRight((under, file) => ({ ...under, ...file }), environment.variables);
  return { ...environment, variables };
}

/**
 * A path from a template: `~` at its beginning is the home directory, `$NAME` the value of a variable; what is
 * relative then counts from the working directory.
 *
 * @returns undefined where a variable is not set or is empty.
 */
export function expandTemplate(template: string, environment: Environment): string | undefined {
  const { variables, home, workingDirectory } = environment;
  const [, name, rest = ''] = /^\$([A-Z][A-Z0-9_]*)(.*)$/.exec(template) ?? [];
  if (name === undefined) return resolve(workingDirectory, template.replace(/^~(?=\/|$)/, home));
  const value = variables[name];
  if (value === undefined || value === '') return undefined;
  return resolve(workingDirectory, value.replace(/^~(?=\/|$)/, home) + rest);
}

/** Says whether a template depends on a variable. */
export function namesVariable(template: string): boolean {
  return template.startsWith('$');
}

/** `nbak export`: a backup of the repository, as another program takes it. */

import { nodeCrypto } from '../../crypto/node.js';
import { NbakError } from '../../errors.js';
import type { ExportResult } from '../../exchange/export.js';
import type { ExportWish, FormatName } from '../../exchange/format.js';
import { FORMATS } from '../../exchange/formats.js';
import { readVaultKey } from '../../vault/key-source.js';
import type { Context } from '../context.js';
import type { Run } from '../declaration.js';
import type { FilterOptions } from '../describe.js';
import { parseChoice, usage } from '../options.js';
import { assertOutsideRepository } from '../outside-repository.js';
import { count, formatBytes, note, printable, printJson, printLine } from '../terminal.js';
import { selectContent } from './select-backup.js';

/** What can be written. */
const WRITTEN = FORMATS.filter(({ write }) => write !== undefined).map(({ name }) => name);

/** Options of `nbak export`. */
export interface ExportFlags extends FilterOptions {
  readonly format?: string;
  readonly era: string;
  readonly plain?: boolean;
  readonly toVaultKeyFile?: string;
  readonly database?: string;
  readonly revision?: string;
  readonly user?: string;
  readonly includeSecrets?: boolean;
}

/** `nbak export BACKUP DEST` */
export const runExport: Run<ExportFlags> = async ({ context, options: flags, args }) => {
  if (flags.format === undefined) throw usage(`--format is missing: ${WRITTEN.join(', ')}`);
  const name = parseChoice(flags.format, WRITTEN, '--format');
  assertFlags(flags, name);
  const write = FORMATS.find((format) => format.name === name)?.write;
  if (write === undefined) throw new RangeError('a format that is written has what writes it');
  const destination = String(args[1]);
  assertOutsideRepository(destination, destination, context.repositoryPath);
  const { backup, reader } = await selectContent(context, String(args[0]), flags);
  if (backup.detail === undefined) throw new RangeError('a detail can be read with the vault key');
  const source = { ...reader, backup, detail: backup.detail };
  const result = await write({ source, destination, signal: context.signal }, wishOf(context, flags, name));
  if (context.options.json === true) printJson({ backup: backup.id, format: name, ...result });
  else print(result, context.options.quiet === true);
  return result.left.length === 0 ? 0 : 3;
};

function wishOf(context: Context, flags: ExportFlags, name: FormatName): ExportWish {
  const { database, revision, user, plain, includeSecrets } = flags;
  return {
    crypto: nodeCrypto,
    era: parseChoice(flags.era, ['nodyn', 'lynox'], '--era'),
    vaultKey: name === 'v1' && plain !== true ? applicationKey(context, flags) : undefined,
    database,
    revision,
    user,
    secrets: includeSecrets === true ? 'included' : 'withheld',
  };
}

/** The key that the application has; whoever moved from it may have kept it for the repository. */
function applicationKey(context: Context, { toVaultKeyFile: file }: ExportFlags): string {
  const environment = process.env['NBAK_TO_VAULT_KEY'];
  const given = readVaultKey({
    ...(file !== undefined && { file }),
    ...(environment !== undefined && { environment }),
  });
  const key = given ?? context.vaultKeyText();
  if (key !== undefined && key !== '') return key;
  throw new NbakError('KEY_MISSING', 'The export is to be encrypted, and no vault key was given for it', {
    hint: 'Give the application’s with NBAK_TO_VAULT_KEY or --to-vault-key-file, or type --plain.',
  });
}

/** An option of another format is a mistake about what is written. */
function assertFlags(flags: ExportFlags, format: FormatName): void {
  const owners: readonly (readonly [string, unknown, FormatName])[] = [
    ['--plain', flags.plain, 'v1'],
    ['--to-vault-key-file', flags.toVaultKeyFile, 'v1'],
    ['--database', flags.database, 'chaos-cypher'],
    ['--revision', flags.revision, 'chaos-cypher'],
    ['--user', flags.user, 'odysseus-json'],
    ['--include-secrets', flags.includeSecrets, 'odysseus-json'],
  ];
  const wrong = owners.find(([, value, owner]) => value !== undefined && owner !== format);
  if (wrong !== undefined) throw usage(`${wrong[0]} goes with --format ${wrong[2]}`);
  if (flags.plain === true && flags.toVaultKeyFile !== undefined)
    throw usage('--plain and --to-vault-key-file do not go together');
}

function print({ path, files, bytes, left, withheld }: ExportResult, quiet: boolean): void {
  printLine(printable(path));
  if (!quiet) note(`${count(files, 'file')}, ${formatBytes(bytes)}`);
  for (const text of left) note(`left out, the format cannot hold it: ${printable(text)}`);
  if (!quiet && withheld.length > 0)
    note(`withheld, as it may be a secret (--include-secrets): ${printable(withheld.join(', '))}`);
}

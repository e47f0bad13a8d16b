/** `nbak export`: a backup of the repository, as another program takes it. */

import { nodeCrypto } from '../../crypto/node.js';
import { NbakError } from '../../errors.js';
import { exportChaosCypher } from '../../exchange/chaos-cypher/export.js';
import type { ExportResult, ExportTask } from '../../exchange/export.js';
import { exportOdysseus } from '../../exchange/odysseus/export.js';
import { exportV1 } from '../../exchange/v1/export.js';
import { readVaultKey } from '../../vault/key-source.js';
import type { Context } from '../context.js';
import type { Run } from '../declaration.js';
import type { FilterOptions } from '../describe.js';
import { parseChoice, usage } from '../options.js';
import { assertOutsideRepository } from '../outside-repository.js';
import { count, formatBytes, note, printable, printJson, printLine } from '../terminal.js';
import { selectContent } from './select-backup.js';

/** The formats that can be written. */
const FORMATS = ['v1', 'chaos-cypher', 'odysseus-json'] as const;

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
  if (flags.format === undefined) throw usage(`--format is missing: ${FORMATS.join(', ')}`);
  const format = parseChoice(flags.format, FORMATS, '--format');
  assertFlags(flags, format);
  const destination = String(args[1]);
  assertOutsideRepository(destination, destination, context.repositoryPath);
  const { backup, reader } = await selectContent(context, String(args[0]), flags);
  if (backup.detail === undefined) throw new RangeError('a detail can be read with the vault key');
  const source = { ...reader, backup, detail: backup.detail };
  const result = await write(context, { source, destination, signal: context.signal }, flags, format);
  if (context.options.json === true) printJson({ backup: backup.id, format, ...result });
  else print(result, context.options.quiet === true);
  return result.left.length === 0 ? 0 : 3;
};

function write(
  context: Context,
  task: ExportTask,
  flags: ExportFlags,
  format: (typeof FORMATS)[number],
): Promise<ExportResult> {
  const { database, revision, user, includeSecrets } = flags;
  if (format === 'chaos-cypher') return exportChaosCypher(task, { database, revision });
  if (format === 'odysseus-json')
    return exportOdysseus(task, { user, secrets: includeSecrets === true ? 'included' : 'withheld' });
  const era = parseChoice(flags.era, ['nodyn', 'lynox'], '--era');
  const vaultKey = flags.plain === true ? undefined : applicationKey(context, flags);
  return exportV1(task, { crypto: nodeCrypto, era, vaultKey });
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
function assertFlags(flags: ExportFlags, format: (typeof FORMATS)[number]): void {
  const owners: readonly (readonly [string, unknown, (typeof FORMATS)[number]])[] = [
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

/** `nbak doctor`: what is wrong with the set-up, and what to do about it. */

import { hostname, tmpdir } from 'node:os';
import type { Finding, FindingVerdict } from '../../doctor/finding.js';
import { examine } from '../../doctor/doctor.js';
import type { KeyOrigins, OpenedSetUp } from '../../doctor/set-up.js';
import { readBackups, readDetail } from '../../repository/manifests.js';
import type { DescribedBackup } from '../../repository/resolve.js';
import type { Context } from '../context.js';
import type { Run } from '../declaration.js';
import { parseDuration } from '../options.js';
import { coloured, printable, printJson, printLine } from '../terminal.js';

/** `nbak doctor [SOURCE…]` */
export const runDoctor: Run<{ readonly maxAge: string }> = async ({ context, options, args }) => {
  const findings = await examine({
    keys: keyOrigins(context),
    places: { repository: context.repositoryPath, cache: context.cacheDirectory, staging: tmpdir() },
    sources: (args[0] ?? []) as readonly string[],
    host: hostname(),
    maxAgeMs: parseDuration(options.maxAge, '--max-age'),
    open: () => openSetUp(context),
  });
  const exit = exitOf(findings);
  if (context.options.json === true) printJson({ ok: exit === 0, findings });
  else printFindings(findings, context.options.quiet === true);
  return exit;
};

function keyOrigins({ options, publicKeyFile }: Context): KeyOrigins {
  const { vaultKeyFile, vaultKeyCommand, publicKey = process.env['NBAK_PUBLIC_KEY'] ?? '' } = options;
  const environment = process.env['NBAK_VAULT_KEY'] ?? '';
  return {
    vaultKey:
      vaultKeyFile !== undefined
        ? 'file'
        : vaultKeyCommand !== undefined
          ? 'command'
          : environment !== ''
            ? 'environment'
            : 'none',
    ...(vaultKeyFile !== undefined && { vaultKeyFile }),
    publicKey: publicKeyFile !== undefined ? 'file' : publicKey !== '' ? 'text' : 'none',
    ...(publicKeyFile !== undefined && { publicKeyFile }),
  };
}

async function openSetUp(context: Context): Promise<OpenedSetUp> {
  const { repository, unlocked } = await context.open();
  const isSealed = unlocked !== undefined && repository.names === 'sealed';
  const blobs = isSealed ? (await context.reader(unlocked)).blobs : undefined;
  // Not what the cache remembers of manifests: here they are looked at themselves.
  const { backups, unreadable } = await readBackups(repository);
  const described: DescribedBackup[] = [];
  for (const backup of backups)
    described.push({ ...backup, detail: await readDetail(backup.manifest, blobs) });
  return { repository, backups: described, unreadable };
}

function exitOf(findings: readonly Finding[]): number {
  if (findings.some(({ verdict }) => verdict === 'problem')) return 1;
  return findings.some(({ verdict }) => verdict === 'warning') ? 3 : 0;
}

const COLOURS = { ok: 'green', warning: 'yellow', problem: 'red' } as const satisfies Record<
  FindingVerdict,
  string
>;

function printFindings(findings: readonly Finding[], quiet: boolean): void {
  for (const { check, verdict, message, advice, path } of findings) {
    if (quiet && verdict === 'ok') continue;
    const where = path === undefined || message.includes(path) ? '' : `${path}: `;
    printLine(
      `${coloured(COLOURS[verdict], verdict.padEnd(7))} ${check.padEnd(12)} ${printable(where + message)}`,
    );
    if (advice !== undefined) printLine(`${' '.repeat(21)}${printable(advice)}`);
  }
}

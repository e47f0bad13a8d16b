/** All commands with their arguments and options; what they do is loaded when they run. */

import { Argument, Option, type Command } from 'commander';
import type { Attach } from '../declaration.js';
import { addGlobalOptions, collect } from '../options.js';

/** Declares every command on `program`. */
export function declareCommands(program: Command, attach: Attach): void {
  const key = addGlobalOptions(
    program.command('key').description('vault keys and the verification key').helpCommand(false),
  );
  attach(
    declare(key, 'generate', 'make a new vault key').option(
      '--out <file>',
      'write it there, readable by you alone, never over a file',
    ),
    async () => (await import('./key.js')).runKeyGenerate,
  );
  attach(
    declare(key, 'public', 'print the verification key that belongs to the vault key'),
    async () => (await import('./key.js')).runKeyPublic,
  );

  attach(
    declare(program, 'init', 'create a repository').addOption(
      new Option('--names <mode>', 'whether names of files are public')
        .choices(['plain', 'sealed'])
        .default('plain'),
    ),
    async () => (await import('./init.js')).runInit,
  );

  attach(
    addBackupOptions(declare(program, 'backup [source...]', 'back up directories')).option(
      '--dry-run',
      'say what would be done',
    ),
    async () => (await import('./backup.js')).runBackup,
  );
  attach(
    addBackupOptions(declare(program, 'guard <source>', 'back up when the application has another version'))
      .requiredOption('--app-version <version>', 'the version that is about to start')
      .option('--state-dir <dir>', 'where the version seen last is kept (else NBAK_STATE_DIR)'),
    async () => (await import('./guard.js')).runGuard,
  );

  attach(
    addFilters(declare(program, 'list', 'list backups')),
    async () => (await import('./list.js')).runList,
  );
  attach(
    addFilters(declare(program, 'show <backup>', 'show what a backup says of itself')),
    async () => (await import('./show.js')).runShow,
  );
  attach(
    addFilters(declare(program, 'ls <backup> [path]', 'list the files of a backup')),
    async () => (await import('./ls.js')).runLs,
  );
  attach(
    addFilters(
      declare(program, 'verify [backup...]', 'verify everything, or some backups, with the public key alone'),
    )
      .option('--decrypt', 'with the vault key: open every blob and check every database too')
      .option('--max-age <time>', 'complain when the newest backup is older'),
    async () => (await import('./verify.js')).runVerify,
  );
  attach(
    addFilters(declare(program, 'restore [backup] [path...]', 'restore to a directory, or over one'))
      .option('--target <dir>', 'where to: a new or empty directory, unless --overwrite says otherwise')
      .option('--in-place <dir>', 'replace what is there, and keep it beside that directory')
      .option('--resume <dir>', 'finish a restore over this directory that did not end')
      .option('--include <glob>', 'only what matches', collect)
      .option('--exclude <glob>', 'not what matches', collect)
      .addOption(
        new Option('--check <how>', 'integrity_check of databases').choices(['full', 'none']).default('full'),
      )
      .addOption(
        new Option('--overwrite <which>', 'which files of --target are replaced').choices([
          'always',
          'if-changed',
          'never',
        ]),
      )
      .option('--delete', 'with --overwrite: remove what the backup does not have')
      .option('--root <name>', 'with --in-place: which root of a backup of several')
      .option('--no-safety-backup', 'with --in-place: do not back up first what is there')
      .option('--even-if-running', 'also where somebody has files of the directory open')
      .option('--dry-run', 'say what would be restored'),
    async () => (await import('./restore.js')).runRestore,
  );
  attach(
    addFilters(declare(program, 'cat <backup> <path>', 'write one file of a backup to stdout')),
    async () => (await import('./cat.js')).runCat,
  );

  declareExchange(program, attach);
  const appKey = addGlobalOptions(
    program.command('appkey').description('the app keys of applications').helpCommand(false),
  );
  attach(
    addFilters(declare(appKey, 'list <backup>', 'list the app keys of a backup')),
    async () => (await import('./appkey.js')).runAppKeyList,
  );
  attach(
    addFilters(declare(appKey, 'check <backup>', 'open every token of a backup with the key it carries')),
    async () => (await import('./appkey.js')).runAppKeyCheck,
  );
  attach(
    addFilters(declare(appKey, 'export <backup>', 'hand out an app key, alone'))
      .requiredOption('--out <file>', 'where to, readable by you alone, never over a file')
      .option('--name <name>', 'which of several'),
    async () => (await import('./appkey.js')).runAppKeyExport,
  );
  attach(
    declare(
      appKey,
      'rotate <source>',
      'give a stopped application a new app key, with all its tokens',
    ).option('--profile <profile>', 'whose state it is: a name of nbak profiles, a file, or auto', 'auto'),
    async () => (await import('./appkey-rotate.js')).runAppKeyRotate,
  );

  const profiles = declare(program, 'profiles', 'list the applications that nbak knows').helpCommand(false);
  attach(profiles, async () => (await import('./profiles.js')).runProfiles);
  attach(
    declare(
      profiles,
      'show <profile> [dir]',
      'what a profile captures, leaves out and calls secret, and why',
    ).option('--include-secrets', 'as a backup with this option would'),
    async () => (await import('./profiles-show.js')).runProfilesShow,
  );

  attach(
    addFilters(declare(program, 'forget <backup...>', 'drop backups from the history for good')).option(
      '--dry-run',
      'say what would be forgotten',
    ),
    async () => (await import('./forget.js')).runForget,
  );

  attach(
    declare(program, 'bench [source]', 'measure what the stages of a backup cost on this machine').option(
      '--size <size>',
      'how much to measure with',
      '256MiB',
    ),
    async () => (await import('./bench.js')).runBench,
  );
  attach(
    declare(program, 'doctor [source...]', 'look at the set-up and say what to do').option(
      '--max-age <time>',
      'how old the last good backup may be',
      '26h',
    ),
    async () => (await import('./doctor.js')).runDoctor,
  );
  attach(
    declare(program, 'completion', 'print a script that completes commands for a shell').addArgument(
      new Argument('<shell>').choices(['bash', 'zsh', 'fish']),
    ),
    async () => (await import('./completion.js')).runCompletion(program),
  );
  program.helpCommand(false);
  attach(
    declare(program, 'help [command...]', 'help for a command, or on exit-codes, environment or arguments'),
    async () => (await import('./help.js')).runHelp(program),
  );
}

/** How a backup is made. */
function addBackupOptions(command: Command): Command {
  return command
    .option('--profile <profile>', 'whose state it is: a name of nbak profiles, a file, or auto', 'auto')
    .option('--include-secrets', 'take in what the profile calls a secret on request')
    .option('--exclude <glob>', 'leave out what matches (gitignore syntax, relative to SOURCE)', collect)
    .option('--exclude-file <file>', 'patterns from a file', collect)
    .option('--exclude-caches', 'leave out directories with a CACHEDIR.TAG')
    .option('--one-file-system', 'do not cross into other filesystems')
    .option('--tag <tag>', 'a label', collect)
    .option('--host <host>', 'instead of this machine’s name')
    .option('--lock-wait <time>', 'how long to wait for a locked database', '30s')
    .option('--verify', 'then read back everything that this backup reaches')
    .option('--ping <url>', 'then tell this URL how it went, with /fail behind it where it did not')
    .option('--on-failure <cmd>', 'shell command that is run where it did not go well');
}

/** What reads and writes the backups of other programs. */
function declareExchange(program: Command, attach: Attach): void {
  const v1 = addGlobalOptions(
    program.command('v1').description('backups of NBAK version 1, of nodyn and lynox').helpCommand(false),
  );
  attach(
    declare(v1, 'list <dir>', 'list the backups in a directory'),
    async () => (await import('./v1.js')).runV1List,
  );
  attach(
    addFromKey(declare(v1, 'verify <dir>', 'compare backups with their manifests, as far as that goes')),
    async () => (await import('./v1.js')).runV1Verify,
  );
  attach(
    addFromKey(declare(v1, 'restore <dir>', 'restore a backup into a new directory')).option(
      '--target <dir>',
      'where to: a new or empty directory',
    ),
    async () => (await import('./v1.js')).runV1Restore,
  );
  attach(
    addFromKey(declare(program, 'import <src>', 'take a backup of another program into the repository'))
      .addOption(
        new Option('--format <format>', 'what it is')
          .choices(['auto', 'v1', 'chaos-cypher', 'odysseus-json', 'odysseus-tar'])
          .default('auto'),
      )
      .option('--origin <path>', 'what it is a backup of, instead of what it says')
      .option('--time <time>', 'its moment, instead of what it says')
      .option('--database <name>', 'Chaos Cypher: the knowledge base that it is of')
      .option('--host <host>', 'instead of this machine’s name')
      .option('--tag <tag>', 'a label', collect)
      .option('--max-size <size>', 'how much an archive may unpack to', '64GiB'),
    async () => (await import('./import.js')).runImport,
  );
  attach(
    addFilters(declare(program, 'export <backup> <dest>', 'write a backup as another program takes it'))
      .addOption(new Option('--format <format>', 'as what').choices(['v1', 'chaos-cypher', 'odysseus-json']))
      .addOption(new Option('--era <era>', 'v1: for which').choices(['nodyn', 'lynox']).default('lynox'))
      .option('--plain', 'v1: not encrypted')
      .option(
        '--to-vault-key-file <file>',
        'v1: file with the application’s vault key (else NBAK_TO_VAULT_KEY, else the repository’s)',
      )
      .option('--database <name>', 'Chaos Cypher: which knowledge base')
      .option('--revision <id>', 'Chaos Cypher: as made before this migration')
      .option('--user <name>', 'Odysseus: whose export')
      .option('--include-secrets', 'Odysseus: with the credentials in its settings'),
    async () => (await import('./export.js')).runExport,
  );
}

/** The key of a backup that another program made. */
function addFromKey(command: Command): Command {
  return command.option(
    '--from-vault-key-file <file>',
    'file with the vault key that it was encrypted with (else NBAK_FROM_VAULT_KEY)',
  );
}

/** A command of its own, with the options that all have. */
function declare(parent: Command, usage: string, summary: string): Command {
  return addGlobalOptions(parent.command(usage).description(summary));
}

/** What `latest` and `list` choose among. */
function addFilters(command: Command): Command {
  return command
    .option('--host <host>', 'backups of this host (latest: default this machine)')
    .option('--path <path>', 'backups of this directory')
    .option('--tag <tag>', 'backups with this label');
}

/** The journal of a swap: all that finishing it takes, in one small file. Implements §22.7. */

import { NbakError } from '../../errors.js';
import { decodeCbor, encodeCbor, type CborValue } from '../../format/cbor.js';
import type { Timestamp } from '../../format/entry.js';
import { idFromBytes, idToBytes, type BackupId } from '../../format/ids.js';
import {
  assertSafePath,
  comparePaths,
  pathFromBytes,
  pathToBytes,
  type BytePath,
} from '../../format/path.js';
import {
  asArray,
  asBoolean,
  asBytes,
  asInt,
  asRecord,
  asText,
  asUint,
  assertAscending,
  invalidField,
} from '../../format/shape.js';
import { WORK_DIRECTORY } from '../../source/unfinished-restore.js';
import type { DirectoryFacts } from './durable-files.js';

/** What tells an old entry from one that somebody made in its place later. */
export interface OldFacts {
  readonly mtime: Timestamp;
  /** Bytes; 0 of what is no file. */
  readonly size: number;
}

/** One entry of a volume that is swapped whole. */
export interface SwapStep {
  readonly path: BytePath;
  /** The entry to move out, if there is one. */
  readonly old: OldFacts | undefined;
  /** There is an entry to move in. */
  readonly new: boolean;
}

/** A directory that stays where it is, and what it takes of the backup. */
export interface EnteredDirectory extends DirectoryFacts {
  readonly path: BytePath;
}

/** The swaps of one volume; paths are relative to it. */
export interface SwapVolume {
  /** Below the target; '' for the target itself. */
  readonly base: BytePath;
  readonly staged: BytePath | undefined;
  /** A place in the work directory, or `../name` for one beside the target. */
  readonly moved: BytePath;
  readonly directories: readonly EnteredDirectory[];
  readonly steps: readonly SwapStep[];
}

/** A whole journal. */
export interface Journal {
  readonly backup: BackupId;
  /** Milliseconds since 1970. */
  readonly begun: number;
  /** Whether what is moved out is kept. */
  readonly keep: boolean;
  /** Of the backup, as its manifest says it: whose customs the end of the swap follows. */
  readonly profile: string;
  /** The target itself first. */
  readonly volumes: readonly SwapVolume[];
}

const TYPE = 'nbak-restore-journal';
const VERSION = 1;
const WHAT = 'the journal of a restore';
const OLD = 1;
const NEW = 2;

/** Encodes a journal. */
export function encodeJournal({ backup, begun, keep, profile, volumes }: Journal): Uint8Array {
  return encodeCbor(
    new Map<string, CborValue>([
      ['type', TYPE],
      ['version', VERSION],
      ['backup', idToBytes(backup)],
      ['begun', begun],
      ['keep', keep],
      ['profile', profile],
      ['volumes', volumes.map(encodeVolume)],
    ]),
  );
}

/**
 * Decodes a journal and checks every path in it, so that it moves nothing that is not in the target or beside it.
 *
 * @param targetName - the name of the target directory, which `moved` may begin with.
 * @throws NbakError `FORMAT_NEWER`, `FORMAT_INVALID`, `PATH_UNSAFE`, `LIMIT_EXCEEDED`.
 */
export function decodeJournal(bytes: Uint8Array, targetName: BytePath): Journal {
  const value = decodeCbor(bytes, WHAT);
  if (value instanceof Map) {
    const version = (value as ReadonlyMap<string, CborValue>).get('version');
    if (typeof version === 'number' && version > VERSION) {
      throw new NbakError('FORMAT_NEWER', `${WHAT} has version ${version}, this nbak knows ${VERSION}`, {
        details: { version },
        hint: 'Finish the restore with the nbak that began it, or a newer one.',
      });
    }
  }
  const record = asRecord(value, WHAT, ['type', 'version', 'backup', 'begun', 'keep', 'profile', 'volumes']);
  if (asText(record.type, WHAT, 'type') !== TYPE) throw invalidField(WHAT, 'type', TYPE);
  if (asUint(record.version, WHAT, 'version') !== VERSION) throw invalidField(WHAT, 'version', '1');
  const volumes = asArray(record.volumes, WHAT, 'volumes').map((each) => decodeVolume(each, targetName));
  if (volumes[0]?.base !== '') throw invalidField(WHAT, 'volumes', 'the target itself first');
  assertAscending(volumes, (a, b) => comparePaths(a.base, b.base), WHAT, 'volumes');
  return {
    backup: idFromBytes<BackupId>(asBytes(record.backup, WHAT, 'backup', 32)),
    begun: asInt(record.begun, WHAT, 'begun'),
    keep: asBoolean(record.keep, WHAT, 'keep'),
    profile: asText(record.profile, WHAT, 'profile'),
    volumes,
  };
}

function encodeVolume({ base, staged, moved, directories, steps }: SwapVolume): CborValue {
  return [
    pathToBytes(base),
    staged === undefined ? null : pathToBytes(staged),
    pathToBytes(moved),
    directories.map(({ path, mode, uid, gid, mtime }) => [
      pathToBytes(path),
      mode,
      uid,
      gid,
      mtime.seconds,
      mtime.nanoseconds,
    ]),
    steps.map(({ path, old, new: isNew }) =>
      old === undefined
        ? [pathToBytes(path), NEW]
        : [pathToBytes(path), OLD | (isNew ? NEW : 0), old.mtime.seconds, old.mtime.nanoseconds, old.size],
    ),
  ];
}

function decodeVolume(value: CborValue, targetName: BytePath): SwapVolume {
  const [base, staged, moved, directories, steps] = asArray(value, WHAT, 'a volume', 5);
  const volume = {
    base: asPath(base, 'base'),
    staged: staged === null ? undefined : asPath(staged, 'staged'),
    moved: asMoved(moved, targetName),
    directories: asArray(directories, WHAT, 'directories').map(decodeDirectory),
    steps: asArray(steps, WHAT, 'steps').map(decodeStep),
  };
  if (volume.staged?.startsWith(`${WORK_DIRECTORY}/run-`) === false)
    throw invalidField(WHAT, 'staged', 'in the directory of a run');
  if (volume.base !== '' && volume.moved.startsWith('../'))
    throw invalidField(WHAT, 'moved', 'in the volume');
  assertAscending(volume.steps, (a, b) => comparePaths(a.path, b.path), WHAT, 'steps');
  volume.steps.forEach((step, i) => {
    const before = volume.steps[i - 1];
    if (before !== undefined && step.path.startsWith(`${before.path}/`))
      throw invalidField(WHAT, 'steps', 'none below another');
    if (step.new && volume.staged === undefined) throw invalidField(WHAT, 'staged', 'present');
  });
  return volume;
}

function decodeDirectory(value: CborValue): EnteredDirectory {
  const [path, mode, uid, gid, seconds, nanoseconds] = asArray(value, WHAT, 'a directory', 6);
  return {
    path: asPath(path, 'path'),
    mode: asUint(mode, WHAT, 'mode', 0o7777),
    uid: asUint(uid, WHAT, 'uid', 0xffff_ffff),
    gid: asUint(gid, WHAT, 'gid', 0xffff_ffff),
    mtime: asTime(seconds, nanoseconds),
  };
}

function decodeStep(value: CborValue): SwapStep {
  const fields = asArray(value, WHAT, 'a step');
  const [path, what, seconds, nanoseconds, size] = fields;
  const bits = asUint(what, WHAT, 'what', OLD | NEW);
  const isOld = (bits & OLD) !== 0;
  if (bits === 0 || fields.length !== (isOld ? 5 : 2)) throw invalidField(WHAT, 'a step', 'of 2 or 5 fields');
  const step = {
    path: asPath(path, 'path'),
    old: isOld ? { mtime: asTime(seconds, nanoseconds), size: asUint(size, WHAT, 'size') } : undefined,
    new: (bits & NEW) !== 0,
  };
  if (step.path === '' || step.path.split('/').includes(WORK_DIRECTORY))
    throw invalidField(WHAT, 'a step', 'an entry of the target');
  return step;
}

function asTime(seconds: CborValue | undefined, nanoseconds: CborValue | undefined): Timestamp {
  return {
    seconds: asInt(seconds, WHAT, 'mtime'),
    nanoseconds: asUint(nanoseconds, WHAT, 'mtime', 999_999_999),
  };
}

function asPath(value: CborValue | undefined, field: string): BytePath {
  const path = pathFromBytes(asBytes(value, WHAT, field));
  assertSafePath(path);
  return path;
}

function asMoved(value: CborValue | undefined, targetName: BytePath): BytePath {
  const path = pathFromBytes(asBytes(value, WHAT, 'moved'));
  const beside = path.startsWith('../') ? (path.slice(3) as BytePath) : undefined;
  assertSafePath(beside ?? path);
  const custom = beside?.startsWith(targetName) === true ? beside.slice(targetName.length) : '';
  const isBeside = BESIDE.some((each) => custom.startsWith(each)) && !custom.includes('/');
  if (!isBeside && !path.startsWith(`${WORK_DIRECTORY}/`))
    throw invalidField(WHAT, 'moved', 'in the work directory or beside the target');
  return path;
}

/** What stands behind a target's name in the names of what was moved away beside it (§22.6). */
const BESIDE = ['.pre-restore-', '.before-restore-'];

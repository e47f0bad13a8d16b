/** The names of §16.1, made and recognised in one place. */

import { isSha256Hex, type BackupId, type PackId, type PageId } from '../format/ids.js';
import { parseObjectName, TEMPORARY_PREFIX, type ObjectName } from '../storage/storage.js';

/** What an object's name says it is. */
export type ObjectKind =
  | 'repository'
  | 'epoch'
  | 'key'
  | 'pack'
  | 'index'
  | 'page'
  | 'manifest'
  | 'history'
  | 'doom'
  | 'lease'
  | 'temporary'
  | 'unexpected';

/** A name taken apart; `hash` is the SHA-256 it ends with, '' where it has none. */
export interface ParsedName {
  readonly kind: ObjectKind;
  readonly hash: string;
}

const HASHED: Readonly<Record<string, ObjectKind>> = {
  keys: 'key',
  index: 'index',
  manifests: 'manifest',
  history: 'history',
  doom: 'doom',
};
const SPREAD: Readonly<Record<string, ObjectKind>> = { packs: 'pack', pages: 'page' };

/** The name of the repository object. */
export const REPOSITORY_NAME = parseObjectName('repository');

/** `packs/<2 hex>/<sha256>` */
export function packName(id: PackId): ObjectName {
  return parseObjectName(`packs/${id.slice(0, 2)}/${id}`);
}

/** `pages/<2 hex>/<sha256>` */
export function pageName(id: PageId): ObjectName {
  return parseObjectName(`pages/${id.slice(0, 2)}/${id}`);
}

/** `manifests/<sha256>` */
export function manifestName(id: BackupId): ObjectName {
  return parseObjectName(`manifests/${id}`);
}

/** `history/<sha256>` */
export function historyName(hash: string): ObjectName {
  return parseObjectName(`history/${hash}`);
}

/** `index/<sha256>` */
export function indexName(hash: string): ObjectName {
  return parseObjectName(`index/${hash}`);
}

/** `epochs/<n>.<sha256>` */
export function epochName(epoch: number, hash: string): ObjectName {
  return parseObjectName(`epochs/${epoch}.${hash}`);
}

/** Says what `name` is by the table of §16.1. */
export function parseName(name: string): ParsedName {
  if (name === REPOSITORY_NAME) return { kind: 'repository', hash: '' };
  if (name.startsWith(TEMPORARY_PREFIX)) return { kind: 'temporary', hash: '' };
  const [folder = '', second = '', third] = name.split('/');
  if (name.split('/').length === 2) {
    const kind = HASHED[folder];
    if (kind !== undefined && isSha256Hex(second)) return { kind, hash: second };
    if (folder === 'leases' && /^[0-9a-f]{32}$/.test(second)) return { kind: 'lease', hash: '' };
    const record = /^([1-9][0-9]*)\.([0-9a-f]{64})$/.exec(second);
    if (folder === 'epochs' && record?.[2] !== undefined) return { kind: 'epoch', hash: record[2] };
  }
  if (third !== undefined && name.split('/').length === 3) {
    const kind = SPREAD[folder];
    if (kind !== undefined && isSha256Hex(third) && third.startsWith(second) && second.length === 2) {
      return { kind, hash: third };
    }
  }
  return { kind: 'unexpected', hash: '' };
}

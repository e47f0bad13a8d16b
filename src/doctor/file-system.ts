/** What kind of filesystem a directory is on, as far as it matters to backups. */

import { readFileSync } from 'node:fs';

/** A filesystem by its type and what that means here. */
export interface FileSystem {
  /** As the kernel calls it: `ext4`, `nfs4`, `fuse.sshfs`; empty where it cannot be seen. */
  readonly type: string;
  readonly kind: 'local' | 'network' | 'without-owners';
}

const NETWORK =
  /^(nfs4?|cifs|smb3|smbfs|9p|virtiofs|ceph|afs|lustre|gpfs|glusterfs|davfs|fuse\.(sshfs|rclone|s3fs|glusterfs|davfs2?|ceph|gcsfuse|goofys))$/;
/** No owners, modes or hard links, and times of two seconds or less exact. */
const WITHOUT_OWNERS = /^(vfat|msdos|exfat|ntfs3?|fuseblk|hfs)$/;

/**
 * The filesystem of a directory.
 *
 * @param path - absolute, without links.
 * @param mountInfo - the text of /proc/self/mountinfo.
 */
export function fileSystemOf(path: string, mountInfo: string = readMountInfo()): FileSystem {
  let best = { point: '', type: '' };
  for (const line of mountInfo.split('\n')) {
    // proc(5): the fifth field is the mount point; the type is the first behind ` - `.
    const [before = '', after = ''] = line.split(' - ');
    const point = unescape(before.split(' ')[4] ?? '');
    const covers = path === point || path.startsWith(point === '/' ? '/' : `${point}/`);
    // Of mounts on one point the last hides the others.
    if (point !== '' && covers && point.length >= best.point.length)
      best = { point, type: after.split(' ')[0] ?? '' };
  }
  return { type: best.type, kind: kindOf(best.type) };
}

function kindOf(type: string): FileSystem['kind'] {
  if (NETWORK.test(type)) return 'network';
  return WITHOUT_OWNERS.test(type) ? 'without-owners' : 'local';
}

/** Spaces and the like stand as octal escapes. */
function unescape(field: string): string {
  return field.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}

function readMountInfo(): string {
  try {
    return readFileSync('/proc/self/mountinfo', 'utf8');
  } catch {
    return '';
  }
}

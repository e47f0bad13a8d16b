import { expect, it } from 'vitest';
import { fileSystemOf } from '#nbak/doctor/file-system.js';

/** Lines as proc(5) describes them. */
const MOUNTS = `
22 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw
30 22 0:44 / /mnt/nas rw,relatime shared:20 master:2 - nfs4 nas:/export rw,vers=4.2
31 22 0:45 / /mnt/with\\040space rw - cifs //nas/share rw
32 22 8:17 / /media/stick rw - vfat /dev/sdb1 rw
33 22 0:46 / /home/ada/remote rw - fuse.sshfs ada@host: rw
34 22 0:47 / /hidden rw - nfs4 nas:/other rw
35 34 254:2 / /hidden rw - xfs /dev/vdb rw
`;

it.each([
  ['/', 'ext4', 'local'],
  ['/mnt', 'ext4', 'local'],
  ['/mnt/nas', 'nfs4', 'network'],
  ['/mnt/nas/deep/down', 'nfs4', 'network'],
  ['/mnt/nas-not', 'ext4', 'local'],
  ['/mnt/with space/x', 'cifs', 'network'],
  ['/media/stick/state', 'vfat', 'without-owners'],
  ['/home/ada/remote', 'fuse.sshfs', 'network'],
])('says of %s that it is on %s, which is %s', (path, type, kind) => {
  expect(fileSystemOf(path, MOUNTS)).toEqual({ type, kind });
});

it('takes the mount that hides another', () => {
  expect(fileSystemOf('/hidden/x', MOUNTS)).toEqual({ type: 'xfs', kind: 'local' });
});

it('knows nothing, and warns of nothing, where mounts cannot be seen', () => {
  expect(fileSystemOf('/anything', '')).toEqual({ type: '', kind: 'local' });
});

it('reads the mounts of this system', () => {
  expect(fileSystemOf('/proc/self').type).toBe('proc');
});

/** Does this system have what nbak needs? */

import { accessSync, constants } from 'node:fs';
import { release } from 'node:os';
import { systemCalls } from '../source/system-calls.js';
import { Check, type Finding } from './finding.js';

const LEAST_NODE = [20, 19] as const;

/** Looks at Node, the kernel and /proc. */
export function checkSystem(): Finding {
  const check = new Check('system');
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const said = `Node ${process.versions.node}, ${process.platform} ${release()}`;
  if (major < LEAST_NODE[0] || (major === LEAST_NODE[0] && minor < LEAST_NODE[1]))
    return check.problem(`${said}: too old`, `Install Node ${LEAST_NODE.join('.')} or later.`);
  if (process.platform !== 'linux') {
    return check.warning(
      `${said}: only Linux is tested`,
      'Restore a backup and compare it before you rely on it.',
    );
  }
  if (!isReadable('/proc/locks')) {
    return check.warning(
      `${said}: the locks of other processes cannot be seen in /proc/locks`,
      'Mount /proc. Until then all databases must hold still for a moment, and busy ones may not be seen at one moment (`cut none`).',
    );
  }
  if (systemCalls() === undefined) {
    return check.warning(
      `${said}: extended attributes, ACLs and holes cannot be seen, nor fifos made`,
      'Install nbak with its optional packages, or on a system for which `koffi` has a binary.',
    );
  }
  const owners = process.geteuid?.() === 0 ? '' : '; owners are restored by root alone';
  return check.ok(said + owners);
}

function isReadable(path: string): boolean {
  try {
    accessSync(path, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}

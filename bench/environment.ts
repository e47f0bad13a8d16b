/** The environment of programs that are measured: the same for all, and none of what a shell or a workplace adds. */

/** What a program needs to be found, and to find its own files. */
const KEPT = ['PATH', 'HOME', 'TMPDIR', 'LANG', 'LD_LIBRARY_PATH'];

/**
 * The environment for a program.
 *
 * @remarks Settings elsewhere than here change what is measured. `NODE_EXTRA_CA_CERTS` alone makes each start of Node
 *   three times as long: it reads all certificates, though no connection is made.
 */
export function environmentWith(added: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  const kept = KEPT.flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return { ...Object.fromEntries(kept), ...added };
}

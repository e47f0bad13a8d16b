/** What nodyn and lynox call the directory of a backup (§31.2). */

/** The name for a moment in milliseconds since 1970: `2026-03-25T03000012Z`, the last two digits being tenths and hundredths of a second. */
export function v1DirectoryName(time: number): string {
  return `${new Date(time).toISOString().replace(/[:.]/g, '').slice(0, 19)}Z`;
}

/** Says whether a directory of that name was never finished. */
export function isV1Unfinished(name: string): boolean {
  return name.endsWith('.tmp');
}

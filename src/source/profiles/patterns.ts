/** The patterns of a profile's rules, moved to where the state directory is in a SOURCE. */

/** A pattern that means below `directory` what `pattern` means alone; '' is no move. */
export function movePattern(pattern: string, below: string): string {
  if (below === '') return pattern;
  const isAnchored = pattern.slice(0, -1).includes('/');
  const directory = patternOfPath(below);
  return isAnchored ? `${directory}/${pattern.replace(/^\//, '')}` : `${directory}/**/${pattern}`;
}

/** A pattern that matches one path alone, whatever characters it has. */
export function patternOfPath(path: string): string {
  return `/${path.replaceAll(/[\\*?[\]!#]/g, '\\$&').replace(/ $/, '\\ ')}`;
}

/** What a profile declares about an application's own Fernet key: where it is kept, and where its tokens lie. */

/** An application's own Fernet key and the places of the tokens made with it. */
export interface AppKeyDeclaration {
  /** Unique within the profile, such as `odysseus`. */
  readonly name: string;
  /** Tried in order; the first file that exists, or variable that holds a Fernet key, counts. */
  readonly from: readonly AppKeySource[];
  readonly tokens: readonly TokenPlace[];
}

/**
 * Where the key's text is kept: a file, by its path below the root; or a variable, of the application's settings or,
 * where these do not have it, of this process.
 */
export type AppKeySource =
  | { readonly file: string }
  | {
      readonly environment: string;
      /** Absolute paths of files of `NAME=value` lines, the first beating the next; else the root's `.env`. */
      readonly settings?: readonly string[];
    };

/** Where tokens lie. */
export type TokenPlace = TokensInDatabase | TokensInFile;

/** Tokens in a column. */
export interface TokensInDatabase extends TokenText {
  readonly in: 'database';
  /** Below the root; `*`, `**` and `?` as in rules. */
  readonly path: string;
  readonly table: string;
  readonly column: string;
  /** The column holds JSON, and the tokens lie here in it: a dotted path, `*` for any key or index. */
  readonly field?: string;
}

/** Tokens in a file. */
export interface TokensInFile extends TokenText {
  readonly in: 'file';
  /** Below the root; `*`, `**` and `?` as in rules. */
  readonly path: string;
  readonly format: 'json' | 'yaml';
  /** A dotted path, `*` for any key or index. */
  readonly field: string;
}

/** How a token is written. */
export interface TokenText {
  /** Stands before the token, such as `enc:`; a value without it is no token. */
  readonly prefix?: string;
}

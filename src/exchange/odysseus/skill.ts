/** SKILL.md of Odysseus, read as its own exporter reads it (§33.3): a little YAML, and headings. */

/** A skill as an export has it. */
export type ExportedSkill = Readonly<Record<string, unknown>> & { readonly owner: string | null };

/**
 * Reads one SKILL.md.
 *
 * @param usage - the counters that Odysseus keeps beside the skills, by `owner::name` or `name`.
 */
export function readSkill(text: string, usage: Readonly<Record<string, unknown>>): ExportedSkill {
  const { fields, body } = splitFrontmatter(text);
  const sections = readSections(body);
  const description = textOf(fields['description'], '');
  const name = slugOf(textOf(fields['name'], '') || description);
  const owner = textOf(fields['owner'], '') || null;
  const confidence = Number(fields['confidence'] ?? DEFAULT_CONFIDENCE);
  const counters = usage[owner === null ? name : `${owner}::${name}`];
  const { uses = 0, last_used: lastUsed = null } = (counters ?? {}) as Readonly<Record<string, unknown>>;
  const { whenToUse, procedure, extra } = sections;
  return {
    id: name,
    name,
    description,
    version: textOf(fields['version'], '1.0.0'),
    category: textOf(fields['category'], 'general'),
    tags: listOf(fields['tags']),
    platforms: listOf(fields['platforms']),
    requires_toolsets: listOf(fields['requires_toolsets']),
    fallback_for_toolsets: listOf(fields['fallback_for_toolsets']),
    status: textOf(fields['status'], 'draft'),
    confidence: Number.isNaN(confidence) ? DEFAULT_CONFIDENCE : Math.round(confidence * 1000) / 1000,
    source: textOf(fields['source'], 'learned'),
    teacher_model: textOf(fields['teacher_model'], '') || null,
    owner,
    created: textOf(fields['created'], ''),
    when_to_use: whenToUse,
    procedure,
    pitfalls: sections.pitfalls,
    verification: sections.verification,
    body_extra: extra,
    uses,
    last_used: lastUsed,
    // Older versions of Odysseus read these.
    title: description || name,
    problem: whenToUse,
    solution: extra || (procedure[0] ?? ''),
    steps: procedure,
  };
}

const DEFAULT_CONFIDENCE = 0.8;

/** Numbers stay text: `1.0` is a version, too. */
type Scalar = string | null | readonly Scalar[];

function splitFrontmatter(text: string): { readonly fields: Record<string, Scalar>; readonly body: string } {
  const end = text.startsWith('---') ? text.indexOf('\n---', 3) : -1;
  if (end < 0) return { fields: {}, body: text };
  const fields: Record<string, Scalar> = {};
  let list: { readonly key: string; readonly items: Scalar[] } | undefined;
  for (const line of text.slice(3, end).split('\n')) {
    const [, key, value = ''] = /^([a-z_]\w*):\s*(.*)$/i.exec(line) ?? [];
    const [, item] = /^\s*-\s*(.*)$/.exec(line) ?? [];
    if (key !== undefined) {
      list = value.trim() === '' ? { key, items: [] } : undefined;
      fields[key] = list?.items ?? scalarOf(value);
    } else if (item !== undefined) {
      list?.items.push(scalarOf(item));
    }
  }
  return { fields, body: text.slice(end + '\n---'.length) };
}

function scalarOf(raw: string): Scalar {
  const text = raw.trim();
  if (text.startsWith('[') && text.endsWith(']')) return splitList(text.slice(1, -1)).map(scalarOf);
  if (/^(?:null|none|~)$/i.test(text)) return null;
  const [, , quoted] = /^(['"])([\s\S]*)\1$/.exec(text) ?? [];
  if (quoted !== undefined) return text.startsWith('"') ? unescaped(text, quoted) : quoted;
  return text;
}

/** Odysseus writes such texts as JSON, and so escapes them. */
function unescaped(text: string, quoted: string): string {
  try {
    return String(JSON.parse(text));
  } catch {
    return quoted;
  }
}

/** The items of an inline list: commas within quotes or brackets divide nothing. */
function splitList(text: string): readonly string[] {
  const items = text.match(/(?:"[^"]*"|'[^']*'|\[[^\]]*\]|[^,])+/g) ?? [];
  return items.map((item) => item.trim()).filter((item) => item !== '');
}

interface Sections {
  readonly whenToUse: string;
  readonly procedure: readonly string[];
  readonly pitfalls: readonly string[];
  readonly verification: readonly string[];
  /** What stands under no heading that is known. */
  readonly extra: string;
}

function readSections(body: string): Sections {
  const found = new Map<keyof Sections, string>();
  for (const part of body.split(/^(?=##\s)/m)) {
    const headed = /^##\s+(?<heading>.*?)\s*\n(?<text>[\s\S]*)$/.exec(part)?.groups;
    const key = HEADINGS.get(headed?.['heading']?.toLowerCase() ?? '') ?? 'extra';
    const text = (headed?.['text'] ?? part).trim();
    const before = key === 'extra' ? found.get(key) : undefined;
    found.set(key, [before ?? '', text].filter((each) => each !== '').join('\n\n'));
  }
  return {
    whenToUse: found.get('whenToUse') ?? '',
    procedure: itemsOf(found.get('procedure') ?? ''),
    pitfalls: itemsOf(found.get('pitfalls') ?? ''),
    verification: itemsOf(found.get('verification') ?? ''),
    extra: found.get('extra') ?? '',
  };
}

/** A map, since any word can be a heading: `Constructor` too. */
const HEADINGS: ReadonlyMap<string, keyof Sections> = new Map([
  ['when to use', 'whenToUse'],
  ['procedure', 'procedure'],
  ['steps', 'procedure'],
  ['pitfalls', 'pitfalls'],
  ['verification', 'verification'],
]);

/** Lines of a list; a line that begins none continues the one before. */
function itemsOf(text: string): readonly string[] {
  const items: string[] = [];
  for (const line of text.split('\n').map((each) => each.trim())) {
    if (line === '') continue;
    const [, item] = /^(?:[-*]|\d+[.)])\s+(.*)$/.exec(line) ?? [];
    const last = items.at(-1);
    if (item === undefined && last !== undefined) items[items.length - 1] = `${last} ${line}`;
    else items.push(item ?? line);
  }
  return items;
}

function slugOf(text: string): string {
  const slug = text
    .trim()
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-+|-+$/g, '');
  return slug.slice(0, 60) || 'skill';
}

function textOf(value: Scalar | undefined, otherwise: string): string {
  if (value === undefined || value === null || value === '') return otherwise;
  return typeof value === 'string' ? value : value.join(', ');
}

function listOf(value: Scalar | undefined): readonly string[] {
  if (value === undefined || value === null) return [];
  const items = typeof value === 'string' ? [value] : value;
  return items.filter((item) => item !== null && item !== '').map(String);
}

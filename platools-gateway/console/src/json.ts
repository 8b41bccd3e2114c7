// JSON whose numbers keep their digits and whose objects keep the order of their names. `JSON.parse` rounds integers above 2^53 and moves
// names such as "1" to the front, so a form or a result shown with it would differ from the text that travels.

export type Json = null | boolean | string | JsonNumber | Json[] | JsonObject;
export type JsonObject = Map<string, Json>;

/** A number as its text. */
export class JsonNumber {
  constructor(readonly text: string) {}
}

/** A mistake in a JSON text, with its place. */
export class JsonSyntaxError extends Error {
  constructor(
    reason: string,
    readonly line: number,
    readonly column: number,
  ) {
    super(`Line ${line}, column ${column}: ${reason}`);
    this.name = 'JsonSyntaxError';
  }
}

// The gateway reads arguments of this depth; a deeper text would also overflow the stack here.
const MAX_DEPTH = 128;

const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const STRING = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
const SPACE = /[ \t\n\r]*/y;
const WHOLE_NUMBER_TEXT = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

export function parse(text: string): Json {
  return new Parser(text).document();
}

/** Writes a value, over several lines if `indent` is given. */
export function write(value: Json, indent = ''): string {
  const parts: string[] = [];
  writeInto(parts, value, indent, '\n');
  return parts.join('');
}

/** Says that a text is a number of JSON, without space around it. */
export function isNumberText(text: string): boolean {
  return WHOLE_NUMBER_TEXT.test(text);
}

export function fromPlain(value: unknown): Json {
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return value;
  if (typeof value === 'number') return new JsonNumber(JSON.stringify(value));
  if (Array.isArray(value)) return value.map(fromPlain);
  if (typeof value === 'object') return new Map(Object.entries(value).map(([name, member]) => [name, fromPlain(member)]));
  return null;
}

/** A value as plain objects and numbers, for readers that need no exact digits. */
export function toPlain(value: Json): unknown {
  if (value instanceof JsonNumber) return Number(value.text);
  if (Array.isArray(value)) return value.map(toPlain);
  if (value instanceof Map) {
    const plain: Record<string, unknown> = {};
    for (const [name, member] of value) {
      Object.defineProperty(plain, name, { value: toPlain(member), enumerable: true, configurable: true, writable: true });
    }
    return plain;
  }
  return value;
}

/** Compares as JSON Schema does: names in any order, 1 and 1.0 are one number. */
export function equal(left: Json, right: Json): boolean {
  if (left instanceof JsonNumber) return right instanceof JsonNumber && equalNumbers(left.text, right.text);
  if (Array.isArray(left)) {
    return Array.isArray(right) && left.length === right.length && left.every((item, index) => equal(item, right[index] ?? null));
  }
  if (left instanceof Map) {
    if (!(right instanceof Map) || left.size !== right.size) return false;
    for (const [name, member] of left) {
      const other = right.get(name);
      if (other === undefined || !equal(member, other)) return false;
    }
    return true;
  }
  return left === right;
}

function equalNumbers(left: string, right: string): boolean {
  if (left === right) return true;
  const integer = /^-?\d+$/;
  if (integer.test(left) && integer.test(right)) return BigInt(left) === BigInt(right);
  return Number(left) === Number(right);
}

/** The JSON pointer of a member or item below another pointer. */
export function pointerTo(parent: string, token: string | number): string {
  return `${parent}/${String(token).replaceAll('~', '~0').replaceAll('/', '~1')}`;
}

export function pointerTokens(pointer: string): string[] {
  if (pointer === '') return [];
  return pointer
    .split('/')
    .slice(1)
    .map((token) => token.replaceAll('~1', '/').replaceAll('~0', '~'));
}

function writeInto(parts: string[], value: Json, indent: string, line: string): void {
  if (value instanceof JsonNumber) {
    parts.push(value.text);
  } else if (Array.isArray(value)) {
    writeItems(parts, '[]', value, indent, line, (item, inner) => writeInto(parts, item, indent, inner));
  } else if (value instanceof Map) {
    writeItems(parts, '{}', [...value], indent, line, ([name, member], inner) => {
      parts.push(JSON.stringify(name), indent === '' ? ':' : ': ');
      writeInto(parts, member, indent, inner);
    });
  } else {
    parts.push(JSON.stringify(value));
  }
}

function writeItems<T>(parts: string[], brackets: string, items: T[], indent: string, line: string, each: (item: T, inner: string) => void): void {
  const inner = line + indent;
  parts.push(brackets.charAt(0));
  items.forEach((item, index) => {
    if (index > 0) parts.push(',');
    if (indent !== '') parts.push(inner);
    each(item, inner);
  });
  if (indent !== '' && items.length > 0) parts.push(line);
  parts.push(brackets.charAt(1));
}

class Parser {
  private at = 0;

  constructor(private readonly text: string) {}

  document(): Json {
    const value = this.value(0);
    if (this.at < this.text.length) throw this.error('nothing may follow the value');
    return value;
  }

  private value(depth: number): Json {
    if (depth > MAX_DEPTH) throw this.error(`lists and objects are nested more than ${MAX_DEPTH} levels deep`);
    this.space();
    const value = this.bare(depth);
    this.space();
    return value;
  }

  private bare(depth: number): Json {
    switch (this.text[this.at]) {
      case '{':
        return this.object(depth);
      case '[':
        return this.list(depth);
      case '"':
        return this.string();
      case undefined:
        throw this.error('the text ends where a value is expected');
    }
    for (const [word, value] of [['null', null], ['true', true], ['false', false]] as const) {
      if (this.text.startsWith(word, this.at)) {
        this.at += word.length;
        return value;
      }
    }
    const number = this.take(NUMBER);
    if (number === null) throw this.error('expected a value: a text in double quotes, a number, true, false, null, a list or an object');
    return new JsonNumber(number);
  }

  private object(depth: number): JsonObject {
    const members: JsonObject = new Map();
    this.at += 1;
    this.space();
    if (this.skip('}')) return members;
    for (;;) {
      this.space();
      if (this.text[this.at] !== '"') throw this.error('expected a name in double quotes');
      const start = this.at;
      const name = this.string();
      if (members.has(name)) {
        this.at = start;
        throw this.error(`the name ${JSON.stringify(name)} is there twice`);
      }
      this.space();
      if (!this.skip(':')) throw this.error('expected a colon after the name');
      members.set(name, this.value(depth + 1));
      if (this.skip('}')) return members;
      if (!this.skip(',')) throw this.error('expected a comma or the end of the object');
    }
  }

  private list(depth: number): Json[] {
    const items: Json[] = [];
    this.at += 1;
    this.space();
    if (this.skip(']')) return items;
    for (;;) {
      items.push(this.value(depth + 1));
      if (this.skip(']')) return items;
      if (!this.skip(',')) throw this.error('expected a comma or the end of the list');
    }
  }

  private string(): string {
    const token = this.take(STRING);
    if (token === null) throw this.error('this text has no end, or a line break or a backslash that must be escaped');
    return JSON.parse(token) as string;
  }

  private take(pattern: RegExp): string | null {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text);
    if (found === null) return null;
    this.at = pattern.lastIndex;
    return found[0];
  }

  private space(): void {
    this.take(SPACE);
  }

  private skip(character: string): boolean {
    if (this.text[this.at] !== character) return false;
    this.at += 1;
    return true;
  }

  private error(reason: string): JsonSyntaxError {
    const before = this.text.slice(0, this.at).split('\n');
    return new JsonSyntaxError(reason, before.length, (before.at(-1)?.length ?? 0) + 1);
  }
}

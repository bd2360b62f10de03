/** A rendered member as readers get it: its template and values come in; text, spans and slices of it are put together when they are asked for. */
import type { PathIndex, RenderedMember } from '../../mappings/generic/store-view.ts';
import { spansOf, type TemplateIndex } from './packed-member.ts';
import { type PackedText, type Template, valuesOf, weave } from './packed-text.ts';

export interface Shape {
  readonly paths: readonly string[];
  readonly ordinals: ReadonlyMap<string, number>;
  /** Most documents are rendered once, many at one version: these share one array, which is never written. */
  uniform: { version: number; changed: Float64Array } | undefined;
}

/** What lies between two places: the number of the first value in it and the constant parts around the values. */
interface Stretch {
  readonly first: number;
  readonly parts: readonly string[];
}

const NOTHING: Stretch = { first: 0, parts: [''] };
/** Stretches of a template that readers ask for are few; a client that asks for all of them is not let fill the memory. */
const STRETCHES = 500;

/** What all members of one template share. */
export class KnownTemplate {
  readonly template: Template;
  readonly index: TemplateIndex;
  readonly shape: Shape;
  readonly types: readonly string[];
  /** Characters of segments before each segment. */
  readonly #before: readonly number[];
  readonly #stretches = new Map<number, Stretch>();

  constructor(template: Template, index: TemplateIndex, shape: Shape, types: readonly string[]) {
    this.template = template;
    this.index = index;
    this.shape = shape;
    this.types = types;
    let length = 0;
    this.#before = template.segments.map((segment) => {
      const at = length;
      length += segment.length;
      return at;
    });
  }

  stretch(from: number, to: number): Stretch {
    const key = from * this.index.constant.length + to;
    let stretch = this.#stretches.get(key);
    if (stretch === undefined) {
      if (this.#stretches.size >= STRETCHES) this.#stretches.clear();
      stretch = this.#cut(from, to);
      this.#stretches.set(key, stretch);
    }
    return stretch;
  }

  #cut(from: number, to: number): Stretch {
    const { constant, values } = this.index;
    const { segments } = this.template;
    const [first, last] = [values[from] as number, values[to] as number];
    const start = (constant[from] as number) - (this.#before[first] as number);
    const end = (constant[to] as number) - (this.#before[last] as number);
    if (last < first || (last === first && end <= start)) return NOTHING;
    if (last === first) return { first, parts: [(segments[first] as string).slice(start, end)] };
    return {
      first,
      parts: [
        (segments[first] as string).slice(start),
        ...segments.slice(first + 1, last),
        (segments[last] as string).slice(0, end),
      ],
    };
  }
}

export class KeptMember implements RenderedMember, PathIndex {
  readonly type: string;
  readonly id: string;
  readonly known: KnownTemplate;
  readonly values: string;
  readonly changed: Float64Array;
  readonly created: number;

  constructor(type: string, id: string, known: KnownTemplate, values: string, changed: Float64Array, created: number) {
    this.type = type;
    this.id = id;
    this.known = known;
    this.values = values;
    this.changed = changed;
    this.created = created;
  }

  /** The same text, packed alike. */
  holds({ template, values }: PackedText): boolean {
    return this.known.template === template && this.values === values;
  }
  get text(): string {
    return weave(this.values, 0, this.known.template.segments);
  }
  between(from: number, to: number): string {
    const { first, parts } = this.known.stretch(from, to);
    return weave(this.values, first, parts);
  }
  get index(): PathIndex {
    return this;
  }
  get paths(): readonly string[] {
    return this.known.shape.paths;
  }
  get ordinals(): ReadonlyMap<string, number> {
    return this.known.shape.ordinals;
  }
  get spans(): readonly number[] {
    return spansOf(this.known.index, valuesOf({ template: this.known.template, values: this.values }));
  }
  get types(): readonly string[] {
    return this.known.types;
  }
}

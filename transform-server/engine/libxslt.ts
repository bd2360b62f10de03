/** Sheets and documents as text in, output text out: libxslt in WebAssembly, one instance a thread, everything freed by hand. */
import fs from 'node:fs';
import libxsltFactory, { type MainModule } from 'libxslt-wasm/output/libxslt';
import {
  checkInput,
  checkSheet,
  type Sheet,
  SheetError,
  type SheetParams,
  trimOutput,
  type XsltEngine,
} from './engine.ts';

// xmlParserOption of libxml2: NONET, COMPACT, NO_XXE. No NOENT, no DTDLOAD, no XINCLUDE, no HUGE: depth and node size stay bounded.
const READ_OPTIONS = 2048 | 65536 | 8388608;

interface LibxsltSheet extends Sheet {
  readonly text: string;
  /** Pointer to the compiled sheet inside `instance`; compiled anew when the instance was replaced after a trap. */
  pointer: number;
  instance: MainModule | undefined;
}

/**
 * libxslt reports by writing to file descriptor 2, which Emscripten passes to fs.writeSync; it offers no callback. The calls are
 * synchronous up to their first suspension (and nothing here may load, so nothing suspends), so the lines are caught by standing in
 * for fs.writeSync just as long.
 */
const caught = <T>(run: () => T): { value: T; lines: string } => {
  const original = fs.writeSync;
  let lines = '';
  fs.writeSync = ((descriptor: number, data: unknown, ...rest: unknown[]) => {
    if (descriptor !== 1 && descriptor !== 2)
      return (original as (...all: unknown[]) => number)(descriptor, data, ...rest);
    if (lines.length < 4096) lines += String(data);
    return 0;
  }) as typeof fs.writeSync;
  try {
    return { value: run(), lines };
  } finally {
    fs.writeSync = original;
  }
};

/** libxml2 shows the text around each error, and names what an `&` begins: of a document, neither is for anybody to read. */
const withoutText = (lines: string): string =>
  lines
    .split('\n')
    .filter((line) => /^(?:Entity: )?(?:line \d+: )?\w+ (?:error|warning) ?: /.test(line))
    .map((line) => line.replace(/ Entity '.*' not defined$/, ' an entity is not defined'))
    .join('; ');

/** A string as an XPath literal; one with both kinds of quotes needs concat(). */
const literal = (text: string): string => {
  if (!text.includes('"')) return `"${text}"`;
  if (!text.includes("'")) return `'${text}'`;
  return `concat(${text
    .split('"')
    .map((part) => `"${part}"`)
    .join(`,'"',`)})`;
};

export const createLibxslt = async (): Promise<XsltEngine> => {
  let instance: MainModule | undefined;
  let loading: Promise<MainModule> | undefined;
  let disposed = false;

  const load = (): Promise<MainModule> => {
    loading ??= libxsltFactory().then((loaded) => {
      // Not `dynamic`: its evaluate() would hide document() from checkSheet.
      loaded._exsltCommonRegister();
      loaded._exsltSetsRegister();
      loaded._exsltStrRegister();
      loaded._exsltMathRegister();
      instance = loaded;
      return loaded;
    });
    return loading;
  };

  /** After a trap (stack or memory exhausted) the instance's memory is not to be trusted: the next use makes a new one. */
  const abandon = (): void => {
    instance = undefined;
    loading = undefined;
  };

  const guarded = <T>(run: () => T, what: string): { value: T; lines: string } => {
    try {
      return caught(run);
    } catch (error) {
      abandon();
      throw new SheetError(`${what}: ${String(error)}`, { cause: error });
    }
  };

  /** The package's own functions look at each character in JavaScript; buffers are many times faster. */
  const putText = (wasm: MainModule, text: string): number => {
    const length = Buffer.byteLength(text, 'utf8');
    const pointer = wasm._malloc(length + 1);
    if (pointer === 0) throw new SheetError('no memory for a document');
    Buffer.from(wasm.HEAPU8.buffer, pointer, length).write(text, 'utf8');
    wasm.HEAPU8[pointer + length] = 0;
    return pointer;
  };

  const readDocument = (wasm: MainModule, text: string, what: string): number => {
    const read = guarded(() => {
      const pointer = putText(wasm, text);
      try {
        return wasm._xmlReadDoc(pointer, 0, 0, READ_OPTIONS);
      } finally {
        wasm._free(pointer);
      }
    }, what);
    // An unbound prefix is an error by Namespaces in XML; libxml2 reports it and goes on.
    if (read.value !== 0 && /^namespace error/m.test(read.lines.replace(/^.*?:\d+: /gm, ''))) {
      wasm._xmlFreeDoc(read.value);
      read.value = 0;
    }
    if (read.value === 0) {
      const why = what === 'input' ? withoutText(read.lines) : read.lines.trim();
      throw new SheetError(`${what} is not well-formed: ${why}`);
    }
    return read.value;
  };

  const compileInto = async (wasm: MainModule, text: string): Promise<number> => {
    const document = readDocument(wasm, text, 'sheet');
    const parsed = guarded(() => wasm._xsltParseStylesheetDoc(document), 'sheet');
    // A sheet that does not compile keeps no hold on its document; one that does owns it.
    const pointer = await settled(parsed.value, 'sheet');
    if (pointer === 0) {
      wasm._xmlFreeDoc(document);
      throw new SheetError(`sheet does not compile: ${parsed.lines.trim()}`);
    }
    return pointer;
  };

  const settled = async (promise: Promise<number>, what: string): Promise<number> => {
    try {
      return await promise;
    } catch (error) {
      abandon();
      throw new SheetError(`${what}: ${String(error)}`, { cause: error });
    }
  };

  const params = (wasm: MainModule, given: SheetParams | undefined): { array: number; free(): void } => {
    const entries = Object.entries(given ?? {});
    if (entries.length === 0) return { array: 0, free: () => {} };
    const strings = entries.flatMap(([name, value]) => {
      if (value.includes('\0') || !/^[A-Za-z_][\w.-]*$/.test(name))
        throw new SheetError(`parameter ${name} has no valid name or value`);
      return [wasm.stringToNewUTF8(name) as number, wasm.stringToNewUTF8(literal(value)) as number];
    });
    const array = wasm._calloc(strings.length + 1, 4);
    strings.forEach((pointer, at) => {
      wasm.setValue(array + at * 4, pointer, '*');
    });
    return {
      array,
      free: () => {
        for (const pointer of strings) wasm._free(pointer);
        wasm._free(array);
      },
    };
  };

  const save = (wasm: MainModule, result: number, sheet: number): string => {
    const buffer = wasm._xmlAllocOutputBuffer(0);
    try {
      if (wasm._xsltSaveResultTo(buffer, result, sheet) === -1) throw new SheetError('result could not be written');
      const content = wasm._xmlOutputBufferGetContent(buffer);
      if (content === 0) return '';
      return Buffer.from(wasm.HEAPU8.buffer, content, wasm._xmlOutputBufferGetSize(buffer)).toString('utf8');
    } finally {
      wasm._xmlOutputBufferClose(buffer);
    }
  };

  /** One at a time: all calls of an instance share one C stack. */
  let tail: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(run: () => Promise<T>): Promise<T> => {
    const turn = tail.then(run);
    tail = turn.catch(() => {});
    return turn;
  };

  await load();

  return {
    name: 'libxslt',
    get memoryBytes() {
      return instance?.HEAPU8.buffer.byteLength ?? 0;
    },
    compile: (text) =>
      inTurn(async () => {
        checkSheet(text);
        const wasm = instance ?? (await load());
        const sheet: LibxsltSheet = {
          engine: 'libxslt',
          text,
          pointer: await compileInto(wasm, text),
          instance: wasm,
          dispose: () => {
            if (sheet.instance && sheet.instance === instance && sheet.pointer !== 0)
              sheet.instance._xsltFreeStylesheet(sheet.pointer);
            sheet.pointer = 0;
            sheet.instance = undefined;
          },
        };
        return sheet;
      }),
    transform: (given, input, parameters) =>
      inTurn(async () => {
        if (disposed) throw new Error('engine is disposed');
        const sheet = given as LibxsltSheet;
        if (sheet.engine !== 'libxslt') throw new Error(`sheet of ${sheet.engine}`);
        checkInput(input);
        const wasm = instance ?? (await load());
        if (sheet.instance !== wasm) {
          if (!sheet.instance) throw new Error('sheet is disposed');
          sheet.pointer = await compileInto(wasm, sheet.text);
          sheet.instance = wasm;
        }
        const document = readDocument(wasm, input, 'input');
        let result = 0;
        let passed: { array: number; free(): void } | undefined;
        try {
          passed = params(wasm, parameters);
          const array = passed.array;
          const applied = guarded(() => wasm._xsltApplyStylesheet(sheet.pointer, document, array), 'transform');
          result = await settled(applied.value, 'transform');
          // A run-time error leaves lines and often a partial result: never pass that on. Lines of a plain xsl:message are dropped.
          if (result === 0 || /^(runtime error|XPath error|xmlXPath|xslt\w+ ?:)/m.test(applied.lines))
            throw new SheetError(`transform failed: ${applied.lines.trim()}`);
          const written = guarded(() => save(wasm, result, sheet.pointer), 'result');
          return trimOutput(written.value);
        } finally {
          if (instance === wasm) {
            passed?.free();
            if (result !== 0) wasm._xmlFreeDoc(result);
            wasm._xmlFreeDoc(document);
          }
        }
      }),
    dispose: () => {
      disposed = true;
      abandon();
    },
  };
};

/** Both engines: what they refuse, how they fail, that libxslt's memory stays flat. */
import { afterAll, describe, expect, test } from 'vitest';
import { chooseEngine, type EngineName, hasJspi, SheetError } from '../../../transform-server/engine/engine.ts';

const wrap = (body: string, attributes = ''): string =>
  `<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform" ${attributes}>${body}</xsl:stylesheet>`;
const IDENTITY =
  '<xsl:template match="@*|node()"><xsl:copy><xsl:apply-templates select="@*|node()"/></xsl:copy></xsl:template>';

test('libxslt is chosen where JSPI exists', async () => {
  expect(hasJspi()).toBe(true);
  const engine = await chooseEngine();
  expect(engine.name).toBe('libxslt');
  engine.dispose();
});

describe.each<EngineName>(['libxslt', 'xslt-processor'])('%s', async (name) => {
  const engine = await chooseEngine(name);
  afterAll(() => engine.dispose());
  const run = async (sheetText: string, input: string, params?: Record<string, string>): Promise<string> => {
    const sheet = await engine.compile(sheetText);
    try {
      return await engine.transform(sheet, input, params);
    } finally {
      sheet.dispose();
    }
  };

  test('copies with an override, without a declaration', async () => {
    const sheet = wrap(
      `<xsl:output method="xml"/>${IDENTITY}<xsl:template match="memory"><memory unit="KiB">4194304</memory></xsl:template>`,
    );
    const input =
      '<?xml version="1.0"?>\n<domain xmlns:q="urn:q"><name>é &amp; &lt;x&gt; 日本</name><memory>1</memory><q:args a="1&quot;"/></domain>';
    expect(await run(sheet, input)).toBe(
      '<domain xmlns:q="urn:q"><name>é &amp; &lt;x&gt; 日本</name><memory unit="KiB">4194304</memory><q:args a="1&quot;"/></domain>',
    );
  });

  test('parameters are strings, with any quotes', async () => {
    const sheet = wrap(
      '<xsl:param name="p"/><xsl:param name="q"/><xsl:template match="/"><r><xsl:value-of select="$p"/>|<xsl:value-of select="$q"/></r></xsl:template>',
    );
    expect(await run(sheet, '<a/>', { p: `a'b"c`, q: '1=1' })).toBe(`<r>a'b"c|1=1</r>`);
  });

  test('one sheet serves many documents', async () => {
    const sheet = await engine.compile(
      wrap('<xsl:template match="/"><r><xsl:value-of select="a"/></r></xsl:template>'),
    );
    const outputs = await Promise.all(Array.from({ length: 50 }, (_, n) => engine.transform(sheet, `<a>${n}</a>`)));
    expect(outputs).toEqual(Array.from({ length: 50 }, (_, n) => `<r>${n}</r>`));
    sheet.dispose();
    await expect(engine.transform(sheet, '<a/>')).rejects.toThrow('disposed');
  });

  test.each([
    ['a DTD', '<!DOCTYPE a [<!ENTITY e "x">]><a>&e;</a>'],
    ['a DTD after a comment', '<?xml version="1.0"?><!-- c -->\n <!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>'],
    ['an undeclared entity', '<a>&e;</a>'],
    ['an open element', '<a><b></a>'],
    ['an unbound prefix', '<x:a/>'],
    ['NUL', '<a>\0</a>'],
    ['nothing', ''],
  ])('refuses input with %s', async (_, input) => {
    await expect(run(wrap(IDENTITY), input)).rejects.toThrow(SheetError);
  });

  test.each([
    ['an end that is another one', `<a><g passwd='hush'/><b></a>`],
    ['an attribute without quotes', '<a passwd=hush/>'],
    ['an attribute without its end', `<a passwd='hush`],
    ['an unbound prefix', `<x:a passwd='hush'/>`],
    ['an entity nobody declared', `<a passwd='&hush;'/>`],
    ['text behind the end', '<a/>hush'],
    ['a character that is none', '<a><password>hush\u0001</password></a>'],
  ])('tells of input with %s what is wrong and where, and shows nothing of it', async (_, input) => {
    const error = await run(wrap(IDENTITY), input).then(
      () => expect.unreachable(),
      (thrown: unknown) => thrown as Error,
    );
    expect(error.message).not.toContain('hush');
    expect(error.message).toMatch(/^input is not well-formed: .{10,}/);
  });

  test('text that was escaped twice stays so', async () => {
    const input = '<a n="&amp;lt;">&amp;amp; &amp;lt;b&amp;gt;</a>';
    expect(await run(wrap(IDENTITY), input)).toBe(input);
  });

  test('a DOCTYPE inside CDATA is text', async () => {
    expect(
      await run(
        wrap('<xsl:template match="/"><r><xsl:value-of select="a"/></r></xsl:template>'),
        '<a><![CDATA[<!DOCTYPE x>]]></a>',
      ),
    ).toBe('<r>&lt;!DOCTYPE x&gt;</r>');
  });

  test.each([
    ['import', wrap('<xsl:import href="file:///etc/passwd"/>')],
    ['include', wrap('<xsl:include href="http://127.0.0.1/x.xsl"/>')],
    [
      'document()',
      wrap(`<xsl:template match="/"><xsl:copy-of select="document ('file:///etc/passwd')"/></xsl:template>`),
    ],
    ['document() in a value template', wrap(`<xsl:template match="/"><a b="{document('x')}"/></xsl:template>`)],
    [
      'extension elements',
      wrap('<xsl:template match="/"/>', 'extension-element-prefixes="e" xmlns:e="http://exslt.org/common"'),
    ],
    ['xsl:document', wrap('<xsl:template match="/"><xsl:document href="/tmp/x"/></xsl:template>')],
    ['a DTD', `<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>${wrap('')}`],
    ['no stylesheet', '<a/>'],
    ['broken XML', '<xsl:stylesheet'],
  ])('refuses a sheet with %s', async (_, sheet) => {
    await expect(engine.compile(sheet)).rejects.toThrow(SheetError);
  });

  test('xsl:message terminate fails the transform and only that one', async () => {
    const sheet = await engine.compile(
      wrap(
        '<xsl:template match="/"><xsl:if test="a/bad"><xsl:message terminate="yes">no such thing</xsl:message></xsl:if><r/></xsl:template>',
      ),
    );
    await expect(engine.transform(sheet, '<a><bad/></a>')).rejects.toThrow(SheetError);
    expect(await engine.transform(sheet, '<a/>')).toBe('<r/>');
    sheet.dispose();
  });
});

describe('libxslt', () => {
  test('says what does not compile', async () => {
    const engine = await chooseEngine('libxslt');
    await expect(engine.compile(wrap('<xsl:template match="///"/>'))).rejects.toThrow("failed to compile '///'");
    await expect(
      engine.compile(wrap('<xsl:template match="/"><xsl:value-of select="$unknown("/></xsl:template>')),
    ).rejects.toThrow(SheetError);
    engine.dispose();
  });

  test('endless recursion fails one transform; the engine goes on', async () => {
    const engine = await chooseEngine('libxslt');
    const sheet = await engine.compile(
      wrap(
        '<xsl:template match="/"><r><xsl:if test="a"><xsl:call-template name="t"/></xsl:if></r></xsl:template><xsl:template name="t"><xsl:call-template name="t"/></xsl:template>',
      ),
    );
    await expect(engine.transform(sheet, '<a/>')).rejects.toThrow(SheetError);
    expect(await engine.transform(sheet, '<b/>')).toBe('<r/>');
    engine.dispose();
  });

  test('memory stays flat over 100,000 transforms', async () => {
    const engine = await chooseEngine('libxslt');
    const sheet = await engine.compile(
      wrap(`<xsl:param name="p"/>${IDENTITY}<xsl:template match="b"><b p="{$p}"/></xsl:template>`),
    );
    const bad = await engine.compile(
      wrap('<xsl:template match="/"><xsl:message terminate="yes">x</xsl:message></xsl:template>'),
    );
    const input = `<a>${'<b>some text of a device</b>'.repeat(20)}</a>`;
    const turn = async (times: number): Promise<number> => {
      for (let n = 0; n < times; n++) {
        await engine.transform(sheet, input, { p: 'x' });
        if (n % 50 === 0) await expect(engine.transform(bad, input)).rejects.toThrow(SheetError);
        if (n % 50 === 1) await expect(engine.transform(sheet, '<a><b>')).rejects.toThrow(SheetError);
      }
      return engine.memoryBytes;
    };
    const before = await turn(5_000);
    expect(before).toBeGreaterThan(0);
    // It starts at 16 MiB: a leak of 200 bytes a transform would have to grow it.
    expect(await turn(95_000)).toBe(before);
    engine.dispose();
  }, 120_000);
});

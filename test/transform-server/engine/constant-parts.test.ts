/** Sheets with their constant parts taken out give the same output as whole ones. */
import { expect, test } from 'vitest';
import { foldConstants } from '../../../transform-server/engine/constant-parts.ts';
import { chooseEngine } from '../../../transform-server/engine/engine.ts';

const XSL = 'http://www.w3.org/1999/XSL/Transform';
const sheet = (body: string, more = ''): string =>
  `<xsl:stylesheet version="1.0" xmlns:xsl="${XSL}" xmlns:xsi="urn:xsi"><xsl:output method="xml" omit-xml-declaration="yes" indent="no"/>${more}<xsl:template match="/in">${body}</xsl:template></xsl:stylesheet>`;

const cases: readonly (readonly [name: string, sheet: string, folds: boolean])[] = [
  ['runs of elements', sheet('<out><a>1</a> <b t="x"><c/></b><v><xsl:value-of select="@v"/></v><d>2</d></out>'), true],
  [
    'a named template below the one element of the root',
    sheet(
      '<out><xsl:call-template name="n"/></out>',
      '<xsl:template name="n"><d xsi:type="T"><e>1</e></d></xsl:template>',
    ),
    true,
  ],
  [
    'a template of two elements keeps its namespaces',
    sheet(
      '<xsl:call-template name="n"/>',
      '<xsl:template name="n"><d xsi:type="T"><e>1</e><f>2</f></d></xsl:template>',
    ),
    true,
  ],
  ['attribute value templates', sheet('<out><a b="{@v}"><c>1</c></a><a b="{{"/></out>'), true],
  ['references and sections', sheet('<out><a>&lt;</a><a><![CDATA[<x>]]></a><a><!-- c -->t</a></out>'), false],
  ['mixed text', sheet('<out>text <a>1</a> more</out>'), false],
  [
    'what lands in a variable',
    sheet('<out><xsl:variable name="x"><a>1</a><b>2</b></xsl:variable><xsl:value-of select="$x"/></out>'),
    false,
  ],
  [
    'what a template writes into a variable',
    sheet(
      '<out><k>9</k><xsl:variable name="x"><xsl:call-template name="n"/></xsl:variable><xsl:value-of select="$x"/></out>',
      '<xsl:template name="n"><q><a>1</a><b>2</b></q></xsl:template>',
    ),
    false,
  ],
  ['white space that counts', sheet('<out xml:space="preserve"><a>1</a> <b>2</b></out>'), false],
  [
    'conditions',
    sheet('<out><xsl:if test="@v"><a>1</a><b>2</b></xsl:if><xsl:if test="@none"><a>3</a></xsl:if></out>'),
    true,
  ],
];

test.each(cases)('%s', async (_, text, folds) => {
  const engine = await chooseEngine('libxslt');
  try {
    const folded = foldConstants(text);
    expect(folded.sheet !== text).toBe(folds);
    const input = '<in v="a &amp; b"><x/></in>';
    const whole = await engine.transform(await engine.compile(text), input);
    const parts = await engine.transform(await engine.compile(folded.sheet), input);
    expect(folded.restore(parts)).toBe(whole);
  } finally {
    engine.dispose();
  }
});

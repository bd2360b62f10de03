<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform">
  <xsl:template match="/render">
    <Net id="{@id}"><name><xsl:value-of select="network/name"/></name><owned><xsl:value-of select="@owned"/></owned></Net>
  </xsl:template>
  <xsl:template match="/change">
    <net name="{after/network/name}"/>
  </xsl:template>
</xsl:stylesheet>

<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform">
  <xsl:template match="/net">
    <xsl:if test="bad"><xsl:message terminate="yes">bad network</xsl:message></xsl:if>
    <network>
      <name><xsl:value-of select="@name"/></name>
      <uuid><xsl:value-of select="@uuid"/></uuid>
      <bridge><xsl:value-of select="@bridge"/></bridge>
      <mode>nat</mode>
      <active>true</active>
      <autostart>false</autostart>
    </network>
  </xsl:template>
</xsl:stylesheet>

<?xml version="1.0" encoding="UTF-8"?>
<!-- A storage volume (<in>: facts and <volume>) to a generic volume. -->
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform">
<xsl:output method="xml" omit-xml-declaration="yes" indent="no" encoding="UTF-8"/>
<xsl:template match="/in">
<volume>
  <name><xsl:value-of select="volume/name"/></name>
  <storageName><xsl:value-of select="@storageName"/></storageName>
  <path><xsl:value-of select="volume/target/path"/></path>
  <format><xsl:choose><xsl:when test="volume/target/format/@type"><xsl:value-of select="volume/target/format/@type"/></xsl:when><xsl:otherwise>raw</xsl:otherwise></xsl:choose></format>
  <capacityBytes><xsl:value-of select="@capacity"/></capacityBytes>
  <allocationBytes><xsl:value-of select="@allocation"/></allocationBytes>
  <xsl:if test="volume/backingStore/path != ''"><backingPath><xsl:value-of select="volume/backingStore/path"/></backingPath></xsl:if>
  <xsl:if test="@modified"><modifiedMs><xsl:value-of select="@modified"/></modifiedMs></xsl:if>
</volume>
</xsl:template>
</xsl:stylesheet>

<?xml version="1.0" encoding="UTF-8"?>
<!-- A file of a datastore's browser (<in>: <x> with what was computed, and the host's own document) to a generic volume. -->
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform">
<xsl:output method="xml" omit-xml-declaration="yes" indent="no" encoding="UTF-8"/>
<xsl:template match="/in">
<volume>
  <name><xsl:value-of select="x/@name"/></name>
  <storageName><xsl:value-of select="x/@storageName"/></storageName>
  <path><xsl:value-of select="x/@path"/></path>
  <format><xsl:value-of select="x/@format"/></format>
  <capacityBytes><xsl:value-of select="x/@capacity"/></capacityBytes>
  <allocationBytes><xsl:value-of select="x/@allocation"/></allocationBytes>
  <xsl:if test="x/@modified"><modifiedMs><xsl:value-of select="x/@modified"/></modifiedMs></xsl:if>
</volume>
</xsl:template>
</xsl:stylesheet>

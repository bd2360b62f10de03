<?xml version="1.0" encoding="UTF-8"?>
<!-- A storage pool (<in>: facts and <pool>) to a generic storage. -->
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform">
<xsl:output method="xml" omit-xml-declaration="yes" indent="no" encoding="UTF-8"/>
<xsl:template match="/in">
<storage>
  <name><xsl:value-of select="pool/name"/></name>
  <uuid><xsl:value-of select="@uuid"/></uuid>
  <kind><xsl:value-of select="@kind"/></kind>
  <path><xsl:value-of select="pool/target/path"/></path>
  <xsl:if test="pool/source/host/@name"><remoteHost><xsl:value-of select="pool/source/host/@name"/></remoteHost></xsl:if>
  <xsl:if test="pool/source/dir/@path"><remotePath><xsl:value-of select="pool/source/dir/@path"/></remotePath></xsl:if>
  <capacityBytes><xsl:value-of select="@capacity"/></capacityBytes>
  <allocationBytes><xsl:value-of select="@allocation"/></allocationBytes>
  <availableBytes><xsl:value-of select="@available"/></availableBytes>
  <accessible><xsl:value-of select="@accessible"/></accessible>
  <autostart><xsl:value-of select="@autostart"/></autostart>
</storage>
</xsl:template>
</xsl:stylesheet>

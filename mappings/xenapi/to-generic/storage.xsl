<?xml version="1.0" encoding="UTF-8"?>
<!-- A storage repository (<in>: facts and <sr> with its PBDs) to a generic storage. -->
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform">
<xsl:output method="xml" omit-xml-declaration="yes" indent="no" encoding="UTF-8"/>
<xsl:template match="/in">
<storage>
  <name><xsl:value-of select="@name"/></name>
  <uuid><xsl:value-of select="sr/uuid"/></uuid>
  <kind><xsl:value-of select="@kind"/></kind>
  <path><xsl:value-of select="@path"/></path>
  <xsl:if test="@remoteHost"><remoteHost><xsl:value-of select="@remoteHost"/></remoteHost></xsl:if>
  <xsl:if test="@remotePath"><remotePath><xsl:value-of select="@remotePath"/></remotePath></xsl:if>
  <capacityBytes><xsl:value-of select="@capacity"/></capacityBytes>
  <allocationBytes><xsl:value-of select="@allocation"/></allocationBytes>
  <availableBytes><xsl:value-of select="@available"/></availableBytes>
  <accessible><xsl:value-of select="@accessible"/></accessible>
  <autostart>true</autostart>
</storage>
</xsl:template>
</xsl:stylesheet>

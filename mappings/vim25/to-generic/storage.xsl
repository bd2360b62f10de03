<?xml version="1.0" encoding="UTF-8"?>
<!-- A host's Datastore (<in>: <x> with what was computed, and the host's own document) to a generic storage. -->
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform">
<xsl:output method="xml" omit-xml-declaration="yes" indent="no" encoding="UTF-8"/>
<xsl:template match="/in">
<storage>
  <name><xsl:value-of select="x/@name"/></name>
  <uuid><xsl:value-of select="x/@uuid"/></uuid>
  <kind><xsl:value-of select="x/@kind"/></kind>
  <path><xsl:value-of select="Datastore/summary/url"/></path>
  <xsl:if test="Datastore/info/nas/remoteHost"><remoteHost><xsl:value-of select="Datastore/info/nas/remoteHost"/></remoteHost></xsl:if>
  <xsl:if test="Datastore/info/nas/remotePath"><remotePath><xsl:value-of select="Datastore/info/nas/remotePath"/></remotePath></xsl:if>
  <capacityBytes><xsl:value-of select="Datastore/summary/capacity"/></capacityBytes>
  <allocationBytes><xsl:value-of select="x/@allocation"/></allocationBytes>
  <availableBytes><xsl:value-of select="x/@available"/></availableBytes>
  <accessible><xsl:value-of select="x/@accessible"/></accessible>
  <autostart>true</autostart>
</storage>
</xsl:template>
</xsl:stylesheet>

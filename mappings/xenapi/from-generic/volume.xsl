<?xml version="1.0" encoding="UTF-8"?>
<!-- A generic volume (<in>) to its VDI. -->
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform">
<xsl:output method="xml" omit-xml-declaration="yes" indent="no" encoding="UTF-8"/>
<xsl:strip-space elements="*"/>
<xsl:template match="/in">
<bundle>
  <member type="VDI" id="{x/@ref}">
    <uuid><xsl:value-of select="x/@uuid"/></uuid>
    <name_label><xsl:value-of select="x/@name"/></name_label>
    <SR><xsl:value-of select="x/@sr"/></SR>
    <virtual_size><xsl:value-of select="volume/capacityBytes"/></virtual_size>
    <physical_utilisation><xsl:value-of select="volume/allocationBytes"/></physical_utilisation>
    <type>user</type>
    <read_only><xsl:value-of select="x/@readOnly"/></read_only>
    <location><xsl:value-of select="volume/name"/></location>
    <managed>true</managed>
    <sm_config>
      <e k="image-format"><xsl:value-of select="volume/format"/></e>
      <xsl:if test="volume/backingPath"><e k="vhd-parent"><xsl:value-of select="volume/backingPath"/></e></xsl:if>
    </sm_config>
  </member>
</bundle>
</xsl:template>
</xsl:stylesheet>

<?xml version="1.0" encoding="UTF-8"?>
<!-- A generic network (<in>) to its network record. -->
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform">
<xsl:output method="xml" omit-xml-declaration="yes" indent="no" encoding="UTF-8"/>
<xsl:strip-space elements="*"/>
<xsl:template match="/in">
<bundle>
  <member type="network" id="{x/@ref}">
    <uuid><xsl:value-of select="x/@uuid"/></uuid>
    <name_label><xsl:value-of select="network/name"/></name_label>
    <MTU><xsl:value-of select="x/@mtu"/></MTU>
    <bridge><xsl:value-of select="network/bridge"/></bridge>
    <managed>true</managed>
  </member>
</bundle>
</xsl:template>
</xsl:stylesheet>

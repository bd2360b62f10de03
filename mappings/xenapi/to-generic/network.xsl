<?xml version="1.0" encoding="UTF-8"?>
<!-- A network (<in>: facts and <network> with its PIFs) to a generic network. -->
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform">
<xsl:output method="xml" omit-xml-declaration="yes" indent="no" encoding="UTF-8"/>
<xsl:template match="/in">
<network>
  <name><xsl:value-of select="@name"/></name>
  <uuid><xsl:value-of select="network/uuid"/></uuid>
  <bridge><xsl:value-of select="network/bridge"/></bridge>
  <mode><xsl:value-of select="@mode"/></mode>
  <active>true</active>
  <autostart>true</autostart>
  <xsl:if test="@mtu"><mtu><xsl:value-of select="@mtu"/></mtu></xsl:if>
  <xsl:for-each select="network/pif"><uplink><xsl:value-of select="device"/></uplink></xsl:for-each>
</network>
</xsl:template>
</xsl:stylesheet>

<?xml version="1.0" encoding="UTF-8"?>
<!-- A virtual network (<in>: facts and the annotated <network>) to a generic network. -->
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform">
<xsl:output method="xml" omit-xml-declaration="yes" indent="no" encoding="UTF-8"/>
<xsl:template match="/in">
<network>
  <name><xsl:value-of select="network/name"/></name>
  <uuid><xsl:value-of select="@uuid"/></uuid>
  <bridge><xsl:value-of select="network/bridge/@name"/></bridge>
  <mode><xsl:value-of select="@mode"/></mode>
  <active><xsl:value-of select="@active"/></active>
  <autostart><xsl:value-of select="@autostart"/></autostart>
  <xsl:if test="network/mtu/@size"><mtu><xsl:value-of select="network/mtu/@size"/></mtu></xsl:if>
  <xsl:for-each select="network/portgroup"><portgroup><name><xsl:value-of select="@name"/></name><vlan><xsl:value-of select="@tVlan"/></vlan></portgroup></xsl:for-each>
  <xsl:for-each select="network/forward/interface"><uplink><xsl:value-of select="@dev"/></uplink></xsl:for-each>
</network>
</xsl:template>
</xsl:stylesheet>

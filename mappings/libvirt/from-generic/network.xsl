<?xml version="1.0" encoding="UTF-8"?>
<!-- A new generic network (<change>: <after>, and <x> with the forward mode) to a virtual network: on a bridge, on host cards, or isolated. -->
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform">
<xsl:output method="xml" omit-xml-declaration="yes" indent="no" encoding="UTF-8"/>
<xsl:template match="/change">
<network>
  <name><xsl:value-of select="after/network/name"/></name>
  <uuid><xsl:value-of select="after/network/uuid"/></uuid>
  <xsl:if test="x/@mode">
    <forward mode="{x/@mode}"><xsl:if test="after/network/bridge = ''"><xsl:for-each select="after/network/uplink"><interface dev="{.}"/></xsl:for-each></xsl:if></forward>
  </xsl:if>
  <xsl:if test="after/network/bridge != ''"><bridge name="{after/network/bridge}"/></xsl:if>
  <xsl:for-each select="after/network/portgroup"><portgroup name="{name}"><xsl:if test="vlan != '0'"><vlan><tag id="{vlan}"/></vlan></xsl:if></portgroup></xsl:for-each>
</network>
</xsl:template>
</xsl:stylesheet>

<?xml version="1.0" encoding="UTF-8"?>
<!-- A host's Network or distributed port group (<in>: <x> with what was computed, and the host's own document) to a generic network. -->
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform">
<xsl:output method="xml" omit-xml-declaration="yes" indent="no" encoding="UTF-8"/>
<xsl:template match="/in">
<network>
  <name><xsl:value-of select="x/@name"/></name>
  <uuid><xsl:value-of select="x/@uuid"/></uuid>
  <bridge><xsl:value-of select="x/@bridge"/></bridge>
  <mode>bridge</mode>
  <active>true</active>
  <autostart>true</autostart>
  <xsl:if test="x/@vlan"><portgroup><name><xsl:value-of select="x/@name"/></name><vlan><xsl:value-of select="x/@vlan"/></vlan></portgroup></xsl:if>
</network>
</xsl:template>
</xsl:stylesheet>

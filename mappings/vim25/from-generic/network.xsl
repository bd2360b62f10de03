<?xml version="1.0" encoding="UTF-8"?>
<!-- A generic network (<in>) to Network. -->
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform">
<xsl:output method="xml" omit-xml-declaration="yes" indent="no" encoding="UTF-8"/>
<xsl:strip-space elements="*"/>
<xsl:template match="/in">
<bundle><member type="Network" id="{x/@moid}">
  <overallStatus>green</overallStatus>
  <configStatus>green</configStatus>
  <name><xsl:value-of select="x/@name"/></name>
  <alarmActionsEnabled>true</alarmActionsEnabled>
  <summary><network type="Network"><xsl:value-of select="x/@moid"/></network><name><xsl:value-of select="x/@name"/></name><accessible><xsl:value-of select="network/active"/></accessible><ipPoolName></ipPoolName></summary>
  <host type="HostSystem">ha-host</host>
</member></bundle>
</xsl:template>
</xsl:stylesheet>

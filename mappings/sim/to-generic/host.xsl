<?xml version="1.0" encoding="UTF-8"?>
<!-- The simulated host (<in>) to the generic one: the same words, but whether it is reached is a fact of the agent. -->
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform">
<xsl:output method="xml" omit-xml-declaration="yes" indent="no" encoding="UTF-8"/>
<xsl:template match="/in"><xsl:apply-templates select="host"/></xsl:template>
<xsl:template match="host/connected[/in/facts/connected]"><connected><xsl:value-of select="/in/facts/connected"/></connected></xsl:template>
<xsl:template match="*"><xsl:copy><xsl:apply-templates/></xsl:copy></xsl:template>
</xsl:stylesheet>

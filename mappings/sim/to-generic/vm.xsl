<?xml version="1.0" encoding="UTF-8"?>
<!-- A vm of the simulated host (<in>) to the generic one: the same words. -->
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform">
<xsl:output method="xml" omit-xml-declaration="yes" indent="no" encoding="UTF-8"/>
<xsl:template match="/in"><xsl:apply-templates select="vm"/></xsl:template>
<xsl:template match="*"><xsl:copy><xsl:apply-templates/></xsl:copy></xsl:template>
</xsl:stylesheet>

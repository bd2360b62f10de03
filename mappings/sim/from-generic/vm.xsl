<?xml version="1.0" encoding="UTF-8"?>
<!-- A changed or new generic VM (<change>) to the simulated host's document: the same words without the hub's own ids. -->
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform">
<xsl:output method="xml" omit-xml-declaration="yes" indent="no" encoding="UTF-8"/>
<xsl:template match="/change"><xsl:apply-templates select="after/vm"/></xsl:template>
<xsl:template match="vm/id|disk/id|nic/id|snapshot/id|nic/network|medium/storage|medium/volume"/>
<xsl:template match="*"><xsl:copy><xsl:apply-templates/></xsl:copy></xsl:template>
</xsl:stylesheet>

<?xml version="1.0" encoding="UTF-8"?>
<!-- A VDI (<in>: facts and <vdi>) to a generic volume. -->
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform">
<xsl:output method="xml" omit-xml-declaration="yes" indent="no" encoding="UTF-8"/>
<xsl:template match="/in">
<volume>
  <name><xsl:value-of select="@name"/></name>
  <storageName><xsl:value-of select="@storageName"/></storageName>
  <path><xsl:value-of select="@path"/></path>
  <format><xsl:value-of select="@format"/></format>
  <capacityBytes><xsl:value-of select="@capacity"/></capacityBytes>
  <allocationBytes><xsl:value-of select="@allocation"/></allocationBytes>
</volume>
</xsl:template>
</xsl:stylesheet>

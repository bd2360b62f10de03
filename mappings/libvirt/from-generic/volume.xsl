<?xml version="1.0" encoding="UTF-8"?>
<!-- A new generic volume (<change>: <after>, and <x> with libvirt's own choices) to a storage volume. -->
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform">
<xsl:output method="xml" omit-xml-declaration="yes" indent="no" encoding="UTF-8"/>
<xsl:template match="/change">
<volume>
  <name><xsl:value-of select="after/volume/name"/></name>
  <capacity unit="bytes"><xsl:value-of select="after/volume/capacityBytes"/></capacity>
  <allocation unit="bytes"><xsl:value-of select="x/@allocation"/></allocation>
  <target><format type="{x/@format}"/></target>
</volume>
</xsl:template>
</xsl:stylesheet>

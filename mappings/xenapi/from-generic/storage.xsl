<?xml version="1.0" encoding="UTF-8"?>
<!-- A generic storage (<in>) to its records: SR and the PBD that ties it to its host. -->
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform">
<xsl:output method="xml" omit-xml-declaration="yes" indent="no" encoding="UTF-8"/>
<xsl:strip-space elements="*"/>
<xsl:template match="/in">
<bundle>
  <member type="SR" id="{x/@ref}">
    <uuid><xsl:value-of select="x/@uuid"/></uuid>
    <name_label><xsl:value-of select="storage/name"/></name_label>
    <allowed_operations><xsl:for-each select="x/operation"><i><xsl:value-of select="@name"/></i></xsl:for-each></allowed_operations>
    <PBDs><i><xsl:value-of select="x/@pbd"/></i></PBDs>
    <physical_utilisation><xsl:value-of select="x/@used"/></physical_utilisation>
    <physical_size><xsl:value-of select="storage/capacityBytes"/></physical_size>
    <type><xsl:value-of select="x/@type"/></type>
    <content_type>user</content_type>
    <shared><xsl:value-of select="x/@shared"/></shared>
  </member>
  <member type="PBD" id="{x/@pbd}">
    <uuid><xsl:value-of select="x/@pbdUuid"/></uuid>
    <host><xsl:value-of select="x/@host"/></host>
    <SR><xsl:value-of select="x/@ref"/></SR>
    <device_config>
      <xsl:choose>
        <xsl:when test="storage/remoteHost">
          <e k="server"><xsl:value-of select="storage/remoteHost"/></e>
          <e k="serverpath"><xsl:value-of select="storage/remotePath"/></e>
        </xsl:when>
        <xsl:otherwise><e k="location"><xsl:value-of select="storage/path"/></e></xsl:otherwise>
      </xsl:choose>
    </device_config>
    <currently_attached><xsl:value-of select="storage/accessible"/></currently_attached>
  </member>
</bundle>
</xsl:template>
</xsl:stylesheet>

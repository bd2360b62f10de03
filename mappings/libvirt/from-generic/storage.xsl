<?xml version="1.0" encoding="UTF-8"?>
<!-- A new generic storage (<change>: <after>, and <x> with the pool's type) to a storage pool. -->
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform">
<xsl:output method="xml" omit-xml-declaration="yes" indent="no" encoding="UTF-8"/>
<xsl:template match="/change">
<pool type="{x/@type}">
  <name><xsl:value-of select="after/storage/name"/></name>
  <uuid><xsl:value-of select="after/storage/uuid"/></uuid>
  <xsl:if test="after/storage/remoteHost">
    <source><host name="{after/storage/remoteHost}"/><dir path="{after/storage/remotePath}"/><format type="nfs"/></source>
  </xsl:if>
  <target><path><xsl:value-of select="after/storage/path"/></path></target>
</pool>
</xsl:template>
</xsl:stylesheet>

<?xml version="1.0" encoding="UTF-8"?>
<!-- The host (<in>: facts, <capabilities>, and <nics> and <sysinfo> where it tells them) to a generic host. -->
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform">
<xsl:output method="xml" omit-xml-declaration="yes" indent="no" encoding="UTF-8"/>
<xsl:template match="/in">
<host>
  <name><xsl:value-of select="@name"/></name>
  <uuid><xsl:value-of select="@uuid"/></uuid>
  <vendor><xsl:value-of select="sysinfo/system/entry[@name='manufacturer']"/></vendor>
  <model><xsl:value-of select="sysinfo/system/entry[@name='product']"/></model>
  <serial><xsl:value-of select="sysinfo/system/entry[@name='serial']"/></serial>
  <cpuModel><xsl:choose><xsl:when test="capabilities/host/cpu/model"><xsl:value-of select="capabilities/host/cpu/model"/></xsl:when><xsl:otherwise><xsl:value-of select="@model"/></xsl:otherwise></xsl:choose></cpuModel>
  <cpuVendor><xsl:value-of select="capabilities/host/cpu/vendor"/></cpuVendor>
  <cpuMhz><xsl:value-of select="@cpuMhz"/></cpuMhz>
  <cpuPackages><xsl:value-of select="@packages"/></cpuPackages>
  <cpuCores><xsl:value-of select="@cores"/></cpuCores>
  <cpuThreads><xsl:value-of select="@threads"/></cpuThreads>
  <numaNodes><xsl:value-of select="@nodes"/></numaNodes>
  <memoryBytes><xsl:value-of select="@memory"/></memoryBytes>
  <vmCpuMax><xsl:value-of select="@vmCpuMax"/></vmCpuMax>
  <hypervisor><xsl:value-of select="@hypervisor"/></hypervisor>
  <hypervisorVersion><xsl:value-of select="@version"/></hypervisorVersion>
  <domain/>
  <timeZone>UTC</timeZone>
  <bootedMs><xsl:value-of select="@booted"/></bootedMs>
  <connected><xsl:value-of select="@connected"/></connected>
  <maintenance>false</maintenance>
  <xsl:if test="@hypervisor = 'QEMU'"><control>liveMoves</control></xsl:if>
  <xsl:for-each select="nics/interface[@type='ethernet']">
    <nic>
      <name><xsl:value-of select="@name"/></name>
      <mac><xsl:value-of select="mac/@address"/></mac>
      <driver/><pci/>
      <linkMbps><xsl:choose><xsl:when test="link/@speed and link/@speed != '4294967295'"><xsl:value-of select="link/@speed"/></xsl:when><xsl:otherwise>0</xsl:otherwise></xsl:choose></linkMbps>
      <duplex>true</duplex>
    </nic>
  </xsl:for-each>
</host>
</xsl:template>
</xsl:stylesheet>
